export { createMaterializer, type Materializer, type MaterializerOptions } from "./create-materializer.ts";
export type { Settings } from "./context.ts";
export { migrate } from "./database/migrate.ts";
export { MaterializerError, type MaterializerErrorCode } from "./errors.ts";
export { GitError, type GitFailureKind } from "./git/git-error.ts";
export type { Credential, GitLimits, GitProtocol } from "./git/mirror.ts";
export type { MirrorSettings } from "./repositories/mirrors.ts";
export type { Registered, Registration } from "./repositories/register-repository.ts";
export type { Repository } from "./repositories/repository.ts";

// What a repository's files become
export {
  defineProjector,
  type ContentIssue,
  type DocumentLimits,
  type Json,
  type Parsed,
  type Problem,
  type Projector,
  type ProjectorOptions,
  type Row,
  type SelectedFile,
  type UnitFile,
} from "./projector/projector.ts";
export { ProjectorDefinitionError } from "./projector/projector-definition-error.ts";

// The stages, and what they answer
export { nextPollMs, type PollBounds, type PollFacts } from "./observe/next-poll.ts";
export type { Observation } from "./observe/observe.ts";
export type { Lease } from "./queue/claim.ts";
export type { Failed, Failure } from "./queue/fail.ts";
export type { Built, BuildOptions, BuildProgress } from "./build/build-version.ts";
export type { Invalid } from "./build/contents.ts";
export type { Published } from "./build/publish.ts";
export type { Materialized } from "./build/materialize.ts";
export type { RunOptions } from "./runner/run.ts";
export type { InProcessRunner } from "./runner/in-process-runner.ts";

// Requests and events
export {
  databaseRequests,
  requestMaterialization,
  type MaterializationRequests,
} from "./requests/request-materialization.ts";
export { HINT_CHANNEL } from "./requests/hint.ts";
export { EVENT_CHANNEL } from "./events/append-event.ts";
export type { EventHandler } from "./events/consume-events.ts";
export {
  repositoryBranchUpdated,
  versionUpdated,
  type RepositoryBranchUpdated,
  type VersionUpdated,
} from "./requests/messages.ts";

// Branches, versions and proof
export { newDraftBranchName } from "./versions/new-draft-branch-name.ts";
export { branchStatus, type BranchStatus } from "./versions/status.ts";
export type { Branch, BranchName } from "./versions/find-branch.ts";
export type { Version } from "./versions/read-versions.ts";
export type { Behind } from "./versions/compare-branches.ts";
export type { CommittedFile, FileName } from "./versions/file-at.ts";
export type { Tip } from "./versions/tips.ts";
export type { VersionDifference } from "./versions/diff.ts";
export type { Difference } from "./proof/compare-units.ts";
export type { Verification } from "./proof/verify.ts";
export type { Explanation } from "./proof/explain.ts";
