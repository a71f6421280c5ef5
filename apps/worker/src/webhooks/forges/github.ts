import { verifyHexHmac } from "../signature.ts";
import type { Forge } from "./forge.ts";
import { readGithubPayload } from "./github-payload.ts";

/** https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers */
export const github: Forge = {
  title: "GitHub",
  eventHeaders: ["x-github-event"],
  form: true,
  delivery: ({ header }) => header("x-github-delivery"),
  authenticate: ({ header, body }, secrets) =>
    verifyHexHmac(header("x-hub-signature-256")?.replace(/^sha256=/, ""), body, secrets),
  secretHint: "On GitHub: Settings → Webhooks → Edit → Secret, the same as the worker's.",
  read: readGithubPayload,
};
