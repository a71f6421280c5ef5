import type { Queryable } from "../database/in-transaction.ts";
import { hint } from "./hint.ts";
import { parseRepositoryBranchUpdated, type RepositoryBranchUpdated } from "./messages.ts";

/** Where requests go: into the database, for the workers to see, or straight to an in-process runner. */
export interface MaterializationRequests {
  request(...messages: readonly RepositoryBranchUpdated[]): Promise<void>;
}

/**
 * Says that branches may have moved. Returns once the request is durable (or, with an in-process runner, done).
 *
 * @throws MaterializerError `MESSAGE_INVALID`, `REPOSITORY_UNKNOWN`
 */
export async function requestMaterialization(
  requests: MaterializationRequests,
  ...messages: readonly unknown[]
): Promise<void> {
  await requests.request(...messages.map((message) => parseRepositoryBranchUpdated(message)));
}

/**
 * Requests that the workers of a database find: a hint each. With the client of a transaction they are made when that
 * commits, together with whatever else it does.
 */
export function databaseRequests(db: Queryable): MaterializationRequests {
  return { request: async (...messages) => await hint(db, ...messages) };
}
