import { tests } from "../../vitest.base.ts";

// Transaction numbers are the whole server's, so an open transaction of one file's test would hold back another's.
export default tests({ globalSetup: ["test/shared-server.ts"], fileParallelism: false });
