import { tests } from "../../vitest.base.ts";

export default tests({ globalSetup: ["test/shared-server.ts"] });
