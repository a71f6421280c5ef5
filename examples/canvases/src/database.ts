import type { ClientBase, Pool } from "pg";

/** Anything that answers queries. */
export type Database = Pick<Pool | ClientBase, "query">;
