import { z } from "zod";
import { locateAnywhere } from "../../deliveries/match-repositories.ts";
import { verifyHexHmac } from "../signature.ts";
import type { Forge, Reading } from "./forge.ts";
import { address, locations, movesNoBranch, personName, readRefs, text } from "./payload-fields.ts";

const repository = z.object({
  slug: text,
  project: z.object({ key: text }),
  links: z
    .object({ clone: z.array(z.object({ href: address })).max(20) })
    .optional()
    .catch(undefined),
});
const change = z.object({ ref: z.object({ id: text }).optional(), refId: text.optional() });
const refsChanged = z.object({
  repository,
  date: z.string().optional(),
  actor: z.object({ name: personName }).optional().catch(undefined),
  refLimitExceeded: z.boolean().optional(),
  changes: z.array(change).max(100_000),
});
const anything = z.object({ repository: repository.optional().catch(undefined) });

/** https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html */
export const bitbucketDataCenter: Forge = {
  title: "Bitbucket Data Center",
  eventHeaders: ["x-event-key"],
  delivery: ({ header }) => header("x-request-id"),
  authenticate: ({ header, body }, secrets) =>
    verifyHexHmac(header("x-hub-signature")?.replace(/^sha256=/, ""), body, secrets),
  answersUnsigned: (event) => event === "diagnostics:ping",
  secretHint: "In Bitbucket: Repository settings → Webhooks → Edit → Secret, the same as the worker's.",
  read: readPayload,
};

function readPayload(event: string, payload: unknown): Reading {
  switch (event) {
    case "diagnostics:ping":
      return { kind: "ping" };
    case "repo:refs_changed":
    case "mirror:repo_synchronized": {
      const { repository: of, date, actor, changes, refLimitExceeded } = refsChanged.parse(payload);
      const hint = { locations: placesOf(of), pushedBy: actor?.name, dated: date !== undefined };
      const refs = changes.map(({ ref, refId }) => ref?.id ?? refId ?? "");
      if (refs.length === 0 || refLimitExceeded === true) return { kind: "hint", ...hint, refs: [] };
      return readRefs(refs, hint);
    }
    default:
      return movesNoBranch(event, placesOf(anything.parse(payload).repository));
  }
}

/** Only some versions name addresses; all name project and repository. */
function placesOf(of: z.output<typeof repository> | undefined): string[] {
  if (of === undefined) return [];
  const named = locations((of.links?.clone ?? []).map(({ href }) => href));
  const anywhere = locateAnywhere(of.project.key, of.slug);
  return named.length > 0 || anywhere === undefined ? named : [anywhere];
}
