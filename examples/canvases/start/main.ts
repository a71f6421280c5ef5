import { fileURLToPath } from "node:url";
import { loadTarget } from "@headstart/cli";
import {
  type Prepared,
  prepare,
  PgSnapshotError,
  startEmbeddedServer,
  type Target,
  type Tier,
} from "@headstart/pg-snapshot";
import pc from "picocolors";
import { progressLine } from "./progress-line.ts";

/** What one tier took, on this machine now, or when the committed snapshot was made. */
interface Outcome {
  readonly tier: Tier;
  readonly ms: number | undefined;
  readonly note: string;
}

const full = process.argv.includes("--full");
const controller = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => controller.abort(new Error(`stopped by ${signal}; nothing half-made is left`)));
}

const root = fileURLToPath(new URL("..", import.meta.url));
const seconds = (ms: number): string =>
  ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;

try {
  console.log(
    `${pc.bold("canvases")}: 205,000 GitHub events, their derived tables and full-text indexes, in Postgres\n`,
  );
  const target = await loadTarget("canvases", { cwd: root });
  await using server = await startEmbeddedServer({ signal: controller.signal });
  const outcomes = await runTiers(target, server.url);
  console.log(formatOutcomes(outcomes));
} catch (error) {
  const { message, hint } = error as Error & { hint?: string };
  console.error(`${pc.red("error")} ${message}${hint === undefined ? "" : `\n${pc.bold("fix")}   ${hint}`}`);
  process.exitCode = 1;
}

/** The dearest tier that is needed once, then the two cheaper ones on the same target. */
async function runTiers(target: Target, server: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let buildMs: number | undefined;
  const committed = await hasSnapshot(target);
  if (full || !committed) {
    // A committed snapshot is left as it is; without one, what was built is what the next tier restores.
    await using built = await runTier(target, {
      server,
      from: "build",
      save: committed ? "never" : "always",
    });
    buildMs = built.totalMs;
    outcomes.push({ tier: "build", ms: built.totalMs, note: "migrations, events, derived tables, indexes" });
  }
  try {
    await using restored = await runTier(target, { server, from: "snapshot" });
    if (buildMs === undefined) {
      buildMs = restored.template.description.buildMs ?? undefined;
      outcomes.push({ tier: "build", ms: buildMs, note: "not needed: recorded when the snapshot was made" });
    }
    outcomes.push({
      tier: "snapshot",
      ms: restored.totalMs,
      note: "the committed dump, restored and sealed",
    });
  } catch (error) {
    if (!(error instanceof PgSnapshotError) || controller.signal.aborted) throw error;
    outcomes.push({
      tier: "snapshot",
      ms: undefined,
      note: `${error.message} (${error.hint ?? error.code})`,
    });
  }
  await using served = await runTier(target, { server, from: "template" });
  const started = performance.now();
  await using clone = await served.template.clone({ signal: controller.signal });
  const cloneMs = performance.now() - started;
  void clone;
  outcomes.push({
    tier: "template",
    ms: served.totalMs + cloneMs,
    note: `found in ${seconds(served.totalMs)}, cloned in ${seconds(cloneMs)}`,
  });
  return outcomes;
}

async function hasSnapshot(target: Target): Promise<boolean> {
  const { digest } = await target.fingerprint({ signal: controller.signal });
  const lookups = await Promise.all(
    (target.stores ?? []).map(async (store) => await store.find(target.name, digest)),
  );
  return lookups.some(({ status }) => status === "found");
}

async function runTier(
  target: Target,
  options: Pick<PrepareOptions, "server" | "from" | "save">,
): Promise<Prepared> {
  using progress = progressLine(process.stderr);
  const onProgress = progress.show;
  return await prepare(target, { save: "never", ...options, signal: controller.signal, onProgress });
}

const words: Readonly<Record<Tier, string>> = {
  build: "3  build it",
  snapshot: "2  restore the snapshot",
  template: "1  clone the template",
};

function formatOutcomes(outcomes: readonly Outcome[]): string {
  const slowest = Math.max(...outcomes.map(({ ms }) => ms ?? 0));
  const lines = outcomes.map(({ tier, ms, note }) => {
    const time = ms === undefined ? "–" : seconds(ms);
    const times = ms === undefined || ms === slowest ? "" : `${Math.round(slowest / ms)}×`;
    return `  ${words[tier].padEnd(24)}${pc.bold(time.padStart(8))}  ${times.padStart(6)}   ${pc.dim(note)}`;
  });
  return `  ${"tier".padEnd(24)}${"ready in".padStart(8)}  ${"faster".padStart(6)}\n${lines.join("\n")}

The same database each time: equal inputs, equal fingerprint. What next:
  cd examples/canvases
  npx headstart clone    a database of your own
  npx headstart lint     does the committed snapshot still fit its inputs?
  npx headstart status   what each tier took, and what it saved`;
}
