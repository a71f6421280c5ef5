/**
 * Where locks are taken and databases are created from. It is one fixed name because advisory locks are seen
 * only within one database: two processes that connect elsewhere would not see each other.
 */
export const maintenanceDatabase = "postgres";
