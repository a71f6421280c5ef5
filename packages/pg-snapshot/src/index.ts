// Making a database ready
export { prepare, type Prepared } from "./prepare/prepare.ts";
export type { PrepareOptions, Tier, TierStep } from "./prepare/preparation.ts";
export type { BuildDatabase, Identity, Target } from "./prepare/target.ts";
export { requirement, type Requirement } from "./prepare/requirement.ts";
export type { Saved } from "./prepare/save-snapshot.ts";
export type { Timing } from "./prepare/stopwatch.ts";
export { InputsChangedError } from "./prepare/inputs-changed-error.ts";
export type { Clone, CloneOptions, KeepCloneOptions, Template } from "./template/template.ts";
export { checkCloneName } from "./template/check-clone-name.ts";
export type { CloneStrategy, TemplateDescription } from "./template/template-description.ts";

// Snapshots
export { directoryStore, type DirectoryStoreOptions } from "./snapshot/directory-store.ts";
export { checkSnapshot, type SnapshotCheck } from "./snapshot/check-snapshot.ts";
export type { OpenedDump, SnapshotLookup, SnapshotStore, StoreOptions } from "./snapshot/snapshot-store.ts";
export type { ManifestDraft, SnapshotManifest } from "./snapshot/snapshot-manifest.ts";
export { stripRule, type StripRule } from "./snapshot/strip-rules.ts";

export { verify, type Verification, type VerifyOptions } from "./verify/verify.ts";
export {
  compareDatabases,
  type CompareOptions,
  type DatabaseDifference,
} from "./verify/compare-databases.ts";

// What is on a server
export { dropDatabaseByName } from "./drop-database-by-name.ts";
export { inventory, type InventoryItem, type InventoryOptions } from "./inventory.ts";
export { applyPrune, planPrune, type PlannedDrop, type PruneBudget, type PruneResult } from "./prune.ts";
export { inspectServer, type ServerReport } from "./inspect-server.ts";

// A server of our own
export {
  startEmbeddedServer,
  type EmbeddedServer,
  type EmbeddedServerOptions,
} from "./embedded/start-embedded-server.ts";
export {
  embeddedServerStatus,
  stopEmbeddedServer,
  type EmbeddedServerStatus,
} from "./embedded/embedded-server-status.ts";
export { findPostgres, listPostgres, type PostgresBinaries } from "./embedded/find-postgres.ts";
export { cacheDirectory } from "./embedded/cache-directory.ts";

// Tools and connections
export { findTool, listTools, type Tool, type ToolName, type ToolSettings } from "./tools/find-tool.ts";
export {
  databaseUrl,
  describeServer,
  resolveConnection,
  type ConnectionSettings,
} from "./server/connection-settings.ts";

export { explainSqlError } from "./sql-error.ts";
export { PgSnapshotError, type PgSnapshotErrorCode } from "./errors.ts";
export type { OnProgress, Phase, Progress } from "./progress.ts";
