import { tests } from "../../vitest.base.ts";

export default tests({ globalSetup: ["test/built-program.ts", "test/shared-server.ts"] });
