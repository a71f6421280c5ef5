import { createHash } from "node:crypto";
import { z } from "zod";
import { isStandardWebhookKey, SHORTEST_KEY, verifyStandardWebhook, verifyToken } from "../signature.ts";
import type { Forge, Reading, SignedRequest } from "./forge.ts";
import { address, locations, movesNoBranch, personName, readRefs, text } from "./payload-fields.ts";

const project = z.object({
  git_http_url: address.optional(),
  git_ssh_url: address.optional(),
  web_url: address.optional(),
});
const push = z.object({ ref: text, project, user_username: personName, user_name: personName });
const update = z.object({
  project,
  changes: z.array(z.object({ ref: text })).max(100_000),
  user_name: personName,
});
const anything = z.object({
  event_name: z.string().optional().catch(undefined),
  project: project.optional().catch(undefined),
});

/**
 * https://docs.gitlab.com/user/project/integrations/webhooks/, by secret token or by signing token; a secret that
 * begins with `whsec_` is a signing token. Where a request is signed and a signing token is known, only the signature
 * counts.
 */
export const gitlab: Forge = {
  title: "GitLab",
  eventHeaders: ["x-gitlab-event"],
  delivery: deliveryOf,
  authenticate: ({ header, body, now }, secrets) => {
    const signatures = header("webhook-signature");
    const keys = secrets.filter(isSigningToken);
    if (signatures !== undefined && keys.length > 0) {
      const message = {
        id: header("webhook-id") ?? "",
        timestamp: header("webhook-timestamp") ?? "",
        signatures,
        body,
      };
      return verifyStandardWebhook(message, keys, now);
    }
    return verifyToken(
      header("x-gitlab-token"),
      secrets.filter((secret) => !isSigningToken(secret)),
    );
  },
  lacks: (secret) =>
    isSigningToken(secret) && !isStandardWebhookKey(secret)
      ? `a signing token is "whsec_" and at least ${SHORTEST_KEY} bytes in base64`
      : undefined,
  secretHint: "In GitLab: Settings → Webhooks → Secret token or Signing token, the same as the worker's.",
  read: readPayload,
};

function isSigningToken(secret: string): boolean {
  return secret.startsWith("whsec_");
}

/** The only id that older versions send is shared by deliveries that follow from each other: the body tells those apart. */
function deliveryOf({ header, body }: SignedRequest): string | undefined {
  const own = header("webhook-id") ?? header("idempotency-key");
  if (own !== undefined) return own;
  const shared = header("x-gitlab-event-uuid");
  return shared && `${shared}.${createHash("sha256").update(body).digest("hex").slice(0, 32)}`;
}

function readPayload(header: string, payload: unknown): Reading {
  const { event_name: name, project: of } = anything.parse(payload);
  const event = header === "System Hook" ? (name ?? header) : header;
  switch (event) {
    case "Push Hook":
    case "push": {
      const { ref, project: where, ...by } = push.parse(payload);
      return readRefs([ref], {
        locations: placesOf(where),
        pushedBy: by.user_username ?? by.user_name,
        dated: false,
      });
    }
    case "Tag Push Hook":
    case "tag_push":
      return { kind: "ignored", reason: "a tag moved, and no branch", locations: placesOf(of) };
    // Sent to system hooks for every push, also of so many branches that GitLab sends no push hook.
    case "repository_update": {
      const { project: where, changes, user_name: pushedBy } = update.parse(payload);
      const refs = changes.map(({ ref }) => ref);
      return readRefs(refs, { locations: placesOf(where), pushedBy, dated: false });
    }
    default:
      return movesNoBranch(event, placesOf(of));
  }
}

function placesOf(of: z.output<typeof project> | undefined): string[] {
  return of === undefined ? [] : locations([of.git_http_url, of.git_ssh_url, of.web_url]);
}
