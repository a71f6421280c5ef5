import { tests } from "../../vitest.base.ts";

export default tests({ globalSetup: ["../../vitest.build.ts", "test/shared-server.ts"] });
