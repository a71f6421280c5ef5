import { createHmac, randomUUID } from "node:crypto";
import type { WorkerConfigInput } from "../../src/config/config-schema.ts";

/** One webhook as a forge sends it. */
export interface ForgeRequest {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

export const secrets = {
  github: "github-secret-4f1d",
  githubOld: "github-secret-before-77aa",
  gitlab: "gitlab-token-93ce",
  gitlabSigning: `whsec_${Buffer.from("a key of thirty-two bytes, no less".slice(0, 32)).toString("base64")}`,
  gitea: "gitea-secret-19b2",
  cloud: "bitbucket-cloud-secret-c2d7",
  dataCenter: "bitbucket-dc-secret-0e55",
} as const;

const webhooks: NonNullable<WorkerConfigInput["webhooks"]> = {
  sources: {
    "our-github": { forge: "github", secrets: [{ env: "GITHUB" }, { env: "GITHUB_OLD" }] },
    "our-gitlab": { forge: "gitlab", secrets: [{ env: "GITLAB" }, { env: "GITLAB_SIGNING" }] },
    "our-gitea": { forge: "gitea", secrets: [{ env: "GITEA" }] },
    "our-cloud": { forge: "bitbucket-cloud", secrets: [{ env: "CLOUD" }] },
    "our-dc": { forge: "bitbucket-data-center", secrets: [{ env: "DC" }] },
  },
};

/** `webhooks` of a configuration that knows every forge, and the environment that its secrets come from. */
export const everyForge = {
  webhooks,
  environment: {
    GITHUB: secrets.github,
    GITHUB_OLD: secrets.githubOld,
    GITLAB: secrets.gitlab,
    GITLAB_SIGNING: secrets.gitlabSigning,
    GITEA: secrets.gitea,
    CLOUD: secrets.cloud,
    DC: secrets.dataCenter,
  },
};

const encode = (payload: unknown): Buffer =>
  Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));

function hexHmac(secret: string, body: Buffer): string {
  return createHmac("sha256", secret).update(body).digest("hex");
}

interface Sent {
  readonly id?: string;
  readonly secret?: string;
  readonly type?: string;
}

export function fromGithub(event: string, payload: unknown, sent: Sent = {}): ForgeRequest {
  const { id = randomUUID(), secret = secrets.github, type = "application/json" } = sent;
  const body = encode(payload);
  return {
    body,
    headers: {
      "content-type": type,
      "user-agent": "GitHub-Hookshot/044aadd",
      "x-github-event": event,
      "x-github-delivery": id,
      "x-github-hook-id": "292430182",
      "x-hub-signature": `sha1=${createHmac("sha1", secret).update(body).digest("hex")}`,
      "x-hub-signature-256": `sha256=${hexHmac(secret, body)}`,
    },
  };
}

export function fromGitlab(event: string, payload: unknown, sent: Sent = {}): ForgeRequest {
  const { id = randomUUID(), secret = secrets.gitlab } = sent;
  return {
    body: encode(payload),
    headers: {
      "content-type": "application/json",
      "user-agent": "GitLab/17.9.0",
      "x-gitlab-event": event,
      "x-gitlab-event-uuid": randomUUID(),
      "x-gitlab-webhook-uuid": "f5f0a8e5-1d0a-4b5e-9d8e-9d2c7c6f4f11",
      "idempotency-key": id,
      "x-gitlab-token": secret,
    },
  };
}

/** GitLab with a signing token, as standardwebhooks.com says. */
export function fromSigningGitlab(
  event: string,
  payload: unknown,
  { id = randomUUID(), secret = secrets.gitlabSigning, at = new Date() }: Sent & { at?: Date } = {},
): ForgeRequest {
  const { headers, body } = fromGitlab(event, payload, { id });
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const { "x-gitlab-token": _, ...others } = headers;
  return {
    body,
    headers: {
      ...others,
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${digest}`,
    },
  };
}

/** @param as with the headers of the one or of the other, both of which also pass for GitHub and Gogs */
export function fromGitea(
  event: string,
  payload: unknown,
  {
    id = randomUUID(),
    secret = secrets.gitea,
    as = "gitea",
  }: Sent & { as?: "gitea" | "forgejo" | "hub" } = {},
): ForgeRequest {
  const body = encode(payload);
  const hmac = hexHmac(secret, body);
  const names = as === "forgejo" ? ["forgejo", "gitea", "gogs"] : ["gitea", "gogs"];
  return {
    body,
    headers: {
      "content-type": "application/json",
      ...Object.fromEntries(
        names.flatMap((name) => [
          [`x-${name}-event`, event],
          [`x-${name}-delivery`, id],
          ...(as === "hub" ? [] : [[`x-${name}-signature`, hmac]]),
        ]),
      ),
      "x-github-event": event,
      "x-github-delivery": id,
      "x-hub-signature-256": `sha256=${hmac}`,
    },
  };
}

export function fromBitbucketCloud(event: string, payload: unknown, sent: Sent = {}): ForgeRequest {
  const { id = randomUUID(), secret = secrets.cloud } = sent;
  const body = encode(payload);
  return {
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "Bitbucket-Webhooks/2.0",
      "x-event-key": event,
      "x-hook-uuid": "6a5b1c77-5b7e-4d09-9a7f-1b9d4dbf3f3e",
      "x-request-uuid": id,
      "x-attempt-number": "1",
      "x-hub-signature": `sha256=${hexHmac(secret, body)}`,
    },
  };
}

export function fromBitbucketDataCenter(event: string, payload: unknown, sent: Sent = {}): ForgeRequest {
  const { id = randomUUID(), secret = secrets.dataCenter } = sent;
  const body = encode(payload);
  return {
    body,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "user-agent": "Atlassian HttpClient 4.1.0 / Bitbucket-8.19.4",
      "x-event-key": event,
      "x-request-id": id,
      "x-hub-signature": `sha256=${hexHmac(secret, body)}`,
    },
  };
}

export async function send(url: string, { headers, body }: ForgeRequest): Promise<Response> {
  // On a connection of its own: what a worker holds is measured, and it keeps connections for a minute.
  const own = { ...headers, connection: "close" };
  return await fetch(url, { method: "POST", headers: own, body: new Uint8Array(body) });
}
