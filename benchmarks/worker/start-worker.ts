import { spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SECRET = "benchmark-secret";
const main = fileURLToPath(new URL("../../apps/worker/src/main.ts", import.meta.url));
const config = fileURLToPath(new URL("headstart-worker.config.ts", import.meta.url));

export interface BenchWorker extends AsyncDisposable {
  readonly url: string;
  /** Sends what a forge sends after a push. @throws Error when it is not taken */
  webhook(repositoryUrl: string, branch: string): Promise<void>;
  /** Value of a metric that has no labels. */
  metric(name: string): Promise<number>;
}

/** A worker as a process of its own, at work when this resolves. */
export async function startWorker(options: {
  databaseUrl: string;
  mirrors: string;
  repositories: readonly { name: string; url: string }[];
}): Promise<BenchWorker> {
  const child = spawn(
    process.execPath,
    ["--conditions=@headstart/source", "--import", "tsx", main, "--config", config],
    {
      env: {
        ...process.env,
        START_REPOSITORY_MATERIALIZER: "yes",
        DATABASE_URL: options.databaseUrl,
        WEBHOOK_SECRET: SECRET,
        BENCH_CONFIG: JSON.stringify({
          repositories: options.repositories.map((repository) => ({ ...repository, projector: "pages" })),
          mirrors: { directory: options.mirrors, protocols: ["http"] },
          http: { port: 0 },
          webhooks: { sources: { forge: { forge: "github", secrets: [{ env: "WEBHOOK_SECRET" }] } } },
        }),
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exited = once(child, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    let address = "";
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as { event: string; url?: string };
      if (line.event === "worker.listening") address = line.url ?? "";
      if (line.event === "worker.ready") resolve(address);
    });
    void exited.then(() => reject(new Error("the worker ended before it was ready")));
  });
  return {
    url,
    webhook: async (repositoryUrl, branch) => await sendWebhook(url, { repositoryUrl, branch }),
    metric: async (name) => await readMetric(url, name),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function sendWebhook(
  url: string,
  { repositoryUrl, branch }: { repositoryUrl: string; branch: string },
): Promise<void> {
  const body = JSON.stringify({
    ref: `refs/heads/${branch}`,
    repository: { clone_url: repositoryUrl },
    pusher: { name: "ada" },
  });
  const answer = await fetch(`${url}/webhooks/forge`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-github-event": "push",
      "x-github-delivery": randomUUID(),
      "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
    },
  });
  const said = await answer.text();
  if (answer.status !== 202) throw new Error(`the webhook was answered by ${answer.status}: ${said}`);
}

async function readMetric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  if (line === undefined) throw new Error(`there is no metric ${name}`);
  return Number(line.slice(name.length + 1));
}
