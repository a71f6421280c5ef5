import { tests } from "../../vitest.base.ts";

/** Most of the time a test waits for processes of its own: two files side by side leave no processor idle. */
export default tests({ globalSetup: ["../../vitest.build.ts", "test/shared-server.ts"], maxWorkers: 2 });
