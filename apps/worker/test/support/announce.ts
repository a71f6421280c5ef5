import { fromGithub, send } from "./forge-requests.ts";
import type { Push, Upstream } from "./upstream.ts";

/** Sends the webhook of a push. @returns the answer's status */
export async function sendWebhook(
  address: string,
  { url }: Upstream,
  { branch, kind }: Pick<Push, "branch" | "kind">,
): Promise<number> {
  const request = fromGithub("push", {
    ref: `refs/heads/${branch}`,
    created: kind === "create",
    deleted: kind === "delete",
    forced: kind === "force",
    repository: { clone_url: url },
    pusher: { name: "ada" },
    sender: { login: "ada" },
  });
  const answer = await send(`${address}/webhooks/forge`, request);
  await answer.body?.cancel();
  return answer.status;
}
