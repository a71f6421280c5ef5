import { verifyHexHmac } from "../signature.ts";
import type { Forge } from "./forge.ts";
import { readGithubPayload } from "./github-payload.ts";

/** https://docs.gitea.com/usage/webhooks and https://forgejo.org/docs/latest/user/webhooks/ */
export const gitea: Forge = {
  title: "Gitea or Forgejo",
  eventHeaders: ["x-forgejo-event", "x-gitea-event"],
  delivery: ({ header }) => header("x-forgejo-delivery") ?? header("x-gitea-delivery"),
  authenticate: ({ header, body }, secrets) => {
    const bare = header("x-forgejo-signature") ?? header("x-gitea-signature");
    const signature = bare ?? header("x-hub-signature-256")?.replace(/^sha256=/, "");
    // Without a secret these forges send the headers, and leave them empty.
    return verifyHexHmac(signature === "" ? undefined : signature, body, secrets);
  },
  secretHint: "In Gitea or Forgejo: repository → Settings → Webhooks → Secret, the same as the worker's.",
  read: readGithubPayload,
};
