import { PgSnapshotError } from "../errors.ts";
import type { Owner } from "../owner.ts";
import { connect } from "../server/connect.ts";
import { runQuery } from "../server/run-query.ts";
import { readDatabaseSettings } from "../snapshot/database-settings.ts";
import { awaitSessionsToLeave, type ConnectedSession } from "../template/connected-sessions.ts";
import { probeStrategy } from "../template/probe-strategy.ts";
import { sealTemplate } from "../template/seal-template.ts";
import type { TemplateDescription } from "../template/template-description.ts";
import { checkRequirements } from "./check-requirements.ts";
import type { Preparation } from "./preparation.ts";

export interface Finished {
  /** The filled database, under its private name. */
  readonly scratch: string;
  readonly source: "snapshot" | "build";
  readonly buildMs: number | null;
}

/**
 * Turns a filled private database into the template: checked, analysed, probed, sealed.
 *
 * @throws {PgSnapshotError} `REQUIREMENT_UNMET`, `DATABASE_IN_USE`
 */
export async function publishTemplate(
  preparation: Preparation,
  { scratch, source, buildMs }: Finished,
): Promise<TemplateDescription> {
  const { owner, target, identity, signal, onProgress, stopwatch, templateName } = preparation;
  await checkRequirements(owner.settings, scratch, { require: target.require ?? [], signal });
  await stopwatch.time("analyze", async () => {
    onProgress({ phase: "analyze" });
    // Statistics are copied into every clone, so they are gathered once, here.
    await using session = await connect(owner.settings, { database: scratch, signal });
    await runQuery(session, "analyze", { doing: "analysing the database", signal, settings: owner.settings });
  });
  return await stopwatch.time("seal", async () => {
    onProgress({ phase: "seal", detail: "choosing the fastest way to clone" });
    await checkUnused(owner, scratch, signal);
    const { settings, privileges } = await readDatabaseSettings(owner.session, scratch);
    const probed = await probeStrategy(owner, scratch, { target: target.name, signal });
    const now = new Date().toISOString();
    const description: TemplateDescription = {
      headstart: "template/1",
      target: target.name,
      digest: identity.digest,
      source,
      createdAt: now,
      lastUsedAt: now,
      buildMs,
      serverVersion: owner.session.serverVersion,
      ...probed,
      settings,
      privileges,
    };
    await sealTemplate(owner, { scratch, name: templateName, description });
    return description;
  });
}

/** About five seconds for the build's closed connections to vanish, also on a busy machine. */
const looks = 250;

/** Names the sessions that the build never closed. */
async function checkUnused(owner: Owner, database: string, signal: AbortSignal): Promise<void> {
  const sessions = await awaitSessionsToLeave(owner, database, { looks, signal });
  if (sessions.length > 0) throw stillConnected(sessions);
}

function stillConnected(sessions: readonly ConnectedSession[]): PgSnapshotError {
  const list = sessions.map((s) => `pid ${s.pid} "${s.application}" (last query: ${s.query})`).join("; ");
  return new PgSnapshotError(
    "DATABASE_IN_USE",
    `the database is filled but ${sessions.length} session(s) are still connected to it: ${list}`,
    { hint: "close every connection before the build ends, for example with `await pool.end()`" },
  );
}
