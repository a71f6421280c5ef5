export {
  createBootstrap,
  type Bootstrap,
  type BootstrapOptions,
  type RebuildRequest,
} from "./create-bootstrap.ts";

// What a read model is
export {
  defineProjection,
  type ApplyContext,
  type Projection,
  type ProjectionDefinition,
} from "./projection/define-projection.ts";
export type { Upcaster } from "./projection/upcast.ts";
export { projectorIdentity } from "./projection/projector-identity.ts";

// Logs
export {
  postgresLog,
  type LogOrdering,
  type PostgresLog,
  type PostgresLogOptions,
} from "./log/postgres-log.ts";
export { adoptLog, type AdoptedColumns, type AdoptLogOptions } from "./log/adopt-log.ts";
export { changeOrdering } from "./log/change-ordering.ts";
export { restamp } from "./log/restamp.ts";
export type { Appended, AppendOptions, NewEvent } from "./log/append.ts";
export type { EventLog, Page, RawEvent, ReadCount, ReadRange, StoredEvent } from "./log/event-log.ts";
export { comparePositions, formatPosition, parsePosition, type Position } from "./position.ts";

// Boot
export type { BootOptions, BootResult } from "./boot/boot.ts";
export type { BootPolicy } from "./boot/boot-policy.ts";
export type { BootPhase, BootProgress, BootReport, Degraded, ProjectionReport } from "./boot/boot-report.ts";
export type { ProjectionState } from "./boot/classify.ts";
export type { FollowHealth, Following, FollowOptions } from "./boot/follow.ts";
export type { Model, QueryOptions } from "./boot/model.ts";

// Rows in the database
export type { CatchUpResult, CaughtUp } from "./run/run-projections.ts";
export type { RunOptions } from "./run/runner.ts";
export type { Rebuilt, RebuildProgress } from "./rebuild/rebuild-projection.ts";
export type { RetireOptions, RollbackOptions, RolledBack } from "./rebuild/rollback.ts";
export type { RedriveOptions, Redriven } from "./run/redrive.ts";
export type { Verification, VerifyOptions } from "./verify/verify-projection.ts";
export type { ContinuousOptions } from "./verify/verify-continuously.ts";
export type { Diagnosis } from "./verify/diagnose-key.ts";
export type { ProjectionStatus, Status, VersionStatusReport } from "./status/status.ts";
export { formatMetrics, type Observations } from "./status/format-metrics.ts";
export type { RetentionFloor } from "./status/retention-floor.ts";

export { ProjectionError, type ProjectionErrorCode } from "./errors.ts";
