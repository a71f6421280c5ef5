import { z } from "zod";
import { verifyHexHmac } from "../signature.ts";
import type { Forge, Reading } from "./forge.ts";
import { address, locations, movesNoBranch, personName, readRefs, text } from "./payload-fields.ts";

const repository = z.object({
  full_name: text.optional(),
  links: z
    .object({ html: z.object({ href: address }) })
    .optional()
    .catch(undefined),
});
const change = z.object({ type: text, name: text }).nullish();
const push = z.object({
  repository,
  actor: z.object({ nickname: personName, display_name: personName }).optional().catch(undefined),
  push: z.object({ changes: z.array(z.object({ new: change, old: change })).max(100_000) }),
});
const anything = z.object({ repository: repository.optional().catch(undefined) });

/** https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/ */
export const bitbucketCloud: Forge = {
  title: "Bitbucket Cloud",
  eventHeaders: ["x-event-key"],
  delivery: ({ header }) => header("x-request-uuid"),
  authenticate: ({ header, body }, secrets) =>
    verifyHexHmac(header("x-hub-signature")?.replace(/^sha256=/, ""), body, secrets),
  secretHint: "On Bitbucket: Repository settings → Webhooks → Edit → Secret, the same as the worker's.",
  read: readPayload,
};

function readPayload(event: string, payload: unknown): Reading {
  if (event !== "repo:push") return movesNoBranch(event, placesOf(anything.parse(payload).repository));
  const { repository: of, actor, push: pushed } = push.parse(payload);
  const hint = { locations: placesOf(of), pushedBy: actor?.nickname ?? actor?.display_name, dated: false };
  // A push of many branches comes with its list cut.
  if (pushed.changes.length === 0) return { kind: "hint", ...hint, refs: [] };
  return readRefs(
    pushed.changes.map((change) => refOf(change.new ?? change.old)),
    hint,
  );
}

/** A deleted branch has only an old end. */
function refOf(end: z.output<typeof change>): string {
  if (end?.type === "branch") return `refs/heads/${end.name}`;
  return end?.type.endsWith("tag") === true ? `refs/tags/${end.name}` : "";
}

function placesOf(of: z.output<typeof repository> | undefined): string[] {
  const byName = of?.full_name === undefined ? undefined : `https://bitbucket.org/${of.full_name}`;
  return locations([of?.links?.html.href, byName]);
}
