import { z } from "zod";
import type { Reading } from "./forge.ts";
import { address, locations, movesNoBranch, personName, readRefs, text } from "./payload-fields.ts";

const repository = z.object({
  clone_url: address.optional(),
  ssh_url: address.optional(),
  git_url: address.optional(),
  html_url: address.optional(),
  pushed_at: z.union([z.number(), z.string(), z.null()]).optional(),
});
const person = z
  .object({ login: personName, username: personName, name: personName })
  .optional()
  .catch(undefined);
const moved = z.object({ ref: text, repository, pusher: person, sender: person });
const createdOrDeleted = moved.extend({ ref_type: text });
const edited = z.object({
  action: text,
  repository,
  changes: z.object({ default_branch: z.unknown() }).partial().optional().catch(undefined),
});
const anything = z.object({ repository: repository.optional().catch(undefined) });

/** Reads what GitHub sends, and Gitea and Forgejo after its example. */
export function readGithubPayload(event: string, payload: unknown): Reading {
  switch (event) {
    case "ping":
      return { kind: "ping" };
    case "push": {
      const push = moved.parse(payload);
      return readRefs([push.ref], factsOf(push));
    }
    case "create":
    case "delete": {
      const { ref_type: type, ...change } = createdOrDeleted.parse(payload);
      if (type !== "branch" && type !== "tag") return movesNoBranch(`${event} of a ${type}`, where(change));
      const prefix = type === "branch" ? "refs/heads/" : "refs/tags/";
      return readRefs([change.ref.startsWith(prefix) ? change.ref : prefix + change.ref], {
        ...factsOf(change),
        // These say no time of their own: the same branch may be made twice.
        dated: false,
      });
    }
    case "repository":
      return readRepositoryEvent(payload);
    default:
      return movesNoBranch(event, where(anything.parse(payload)));
  }
}

/** Another default branch is another live branch, and a moved repository is no longer where it was registered. */
function readRepositoryEvent(payload: unknown): Reading {
  const { action, changes, ...rest } = edited.parse(payload);
  const found = where(rest);
  if (action === "edited" && changes?.default_branch !== undefined)
    return { kind: "hint", locations: found, refs: [], pushedBy: undefined, dated: false };
  if (action === "renamed" || action === "transferred")
    return {
      kind: "ignored",
      reason: `the repository was ${action}: register it by its new address`,
      locations: found,
    };
  return movesNoBranch(`repository (${action})`, found);
}

function factsOf(change: z.output<typeof moved>) {
  const { pusher, sender, repository: of } = change;
  const names = [sender?.login, pusher?.login, pusher?.username, pusher?.name];
  return {
    locations: where(change),
    pushedBy: names.find((name) => name !== undefined),
    dated: typeof of.pushed_at === "number",
  };
}

function where({ repository: of }: { repository?: z.output<typeof repository> | undefined }): string[] {
  return of === undefined ? [] : locations([of.clone_url, of.ssh_url, of.git_url, of.html_url]);
}
