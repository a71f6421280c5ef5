import { rename } from "node:fs/promises";
import { expect } from "vitest";
import type { Built } from "../../src/build/build-version.ts";
import { createMaterializer, type Materializer } from "../../src/create-materializer.ts";
import { MaterializerError } from "../../src/errors.ts";
import type { Lease } from "../../src/queue/claim.ts";
import type { Hint } from "../../src/requests/hint.ts";
import { mortalPool } from "../support/mortal-pool.ts";
import type { Project } from "../support/open-project.ts";
import { expireLeases } from "../support/take-over.ts";
import type { History } from "./history.ts";
import type { Reader } from "./reader.ts";
import { releases, type ReleaseName } from "./release.ts";
import type { BranchOperation, Operation, Push, Step, Work } from "./step.ts";

/** One random history, as far as it has come. */
export interface World {
  readonly project: Project;
  readonly history: History;
  /** Reads the events from the first one on. */
  readonly reader: Reader;
  /** A machine of each release. */
  readonly workers: Readonly<Record<ReleaseName, Materializer>>;
  /** Hints that are still on their way. */
  readonly late: Hint[];
  /** Builds whose workers got stuck. */
  readonly stuck: (() => Promise<string>)[];
  /** What the repository was last registered with. */
  wanted: ReleaseName;
  /** What really happened: a step that found nothing to do does not count. */
  readonly happened: Set<string>;
}

/** Nothing is kept for its age, and no lease runs out by itself. */
export const settings = { leaseMs: 3_600_000, maxAttempts: 4, keepEventsMs: 1 };

const repository = "handbook";

export async function performStep(step: Step, world: World): Promise<void> {
  if (step.do === "write" || step.do === "force" || step.do === "fork" || step.do === "delete") {
    if (await performPush(step, world.history)) world.happened.add(step.do);
  } else if (isWork(step)) await performWork(step, world);
  else await performOperation(step, world);
}

/** @returns whether the upstream changed. */
export async function performPush(push: Push, history: History): Promise<boolean> {
  if (push.do === "delete") return await history.remove(push.branch);
  if (push.do === "fork") return await history.fork(push.from, push.branch);
  const { branch, path, content } = push;
  return await history.commit(branch, { path, content, force: push.do === "force" });
}

async function performOperation(operation: Operation, world: World): Promise<void> {
  if (operation.do === "hint") await hint(operation, world);
  else if (operation.do === "register") await register(operation, world);
  else if (operation.do === "audit") await audit(world);
  else if (operation.do === "retain") await retain(world);
  else if (operation.do === "read") await world.reader.read();
  else if (await wasPossible(changeOf(operation, world.project.materializer)))
    world.happened.add(operation.do);
}

async function retain({ project, happened }: World): Promise<void> {
  const removed = await project.materializer.retain();
  for (const what of ["versions", "segments", "blobs", "events", "branches"] as const)
    if (removed[what] > 0) happened.add(`retain: ${what}`);
}

/** A branch's operator. */
function changeOf(operation: BranchOperation, materializer: Materializer): () => Promise<unknown> {
  const name = { repository, branch: operation.branch };
  if (operation.do === "rebuild") return async () => await materializer.rebuild(name);
  if (operation.do === "rollback") {
    return async () => {
      const versions = operation.to === undefined ? [] : await materializer.history(name);
      const picked = versions[(operation.to ?? 0) % Math.max(versions.length, 1)];
      return await materializer.rollback(name, picked === undefined ? {} : { to: picked.oid });
    };
  }
  return async () => {
    const { pinnedAt } = await materializer.branch(name);
    await materializer.unpin(name);
    if (pinnedAt === null) throw new MaterializerError("VERSION_UNKNOWN", "It was not pinned.");
  };
}

/** A branch that is not there, has no such version, or is somebody else's, is not changed. */
async function wasPossible(change: () => Promise<unknown>): Promise<boolean> {
  try {
    await change();
    return true;
  } catch (error) {
    const expected = ["BRANCH_UNKNOWN", "VERSION_UNKNOWN", "PROJECTOR_SUPERSEDED", "LEASE_LOST"];
    if (error instanceof MaterializerError && expected.includes(error.code)) return false;
    throw error;
  }
}

/** What is late comes with the next hint that is in time, in the reverse order. */
async function hint(
  { branch, times, late }: Operation & { readonly do: "hint" },
  { project, late: onTheirWay, happened }: World,
): Promise<void> {
  const hints = Array.from({ length: times }, () => ({ repository, branch, pushedBy: "somebody" }));
  onTheirWay.push(...hints);
  if (late) return;
  for (const one of onTheirWay.splice(0).toReversed()) await project.materializer.hint(one);
  happened.add("hint");
}

async function register(
  { release, readopt }: Operation & { readonly do: "register" },
  world: World,
): Promise<void> {
  const registration = { name: repository, url: world.project.url, projector: "notes", readopt };
  const registered = async () => await world.workers[release].register(registration);
  if (!(await wasPossible(registered))) return void world.happened.add("register an older release");
  if (world.wanted !== release) world.happened.add(`register the ${release} release`);
  world.wanted = release;
}

async function audit({ workers, happened }: World): Promise<void> {
  for (const worker of Object.values(workers)) {
    const verification = await worker.audit();
    if (verification === undefined) continue;
    expect(verification.differences, `audit of ${verification.ref}`).toEqual([]);
    happened.add("audit");
  }
}

function isWork(step: Operation | Work): step is Work {
  return ["observe", "outage", "catch up", "build", "crash", "go on", "expire"].includes(step.do);
}

async function performWork(work: Work, world: World): Promise<void> {
  const { project, workers, happened } = world;
  if (work.do === "expire") return await expireEverything(project);
  if (work.do === "go on") return void happened.add((await world.stuck.pop()?.()) ?? "nobody is stuck");
  const by = work.by === "wanted" ? world.wanted : work.by;
  if (work.do === "crash") return await crash(by, work.atStatement, world);
  if (work.do === "outage") return await outage(workers[by], world);
  if (work.do === "build") happened.add(await buildPart(workers[by], work.until, world));
  else if (work.do === "observe") happened.add(`observe: ${(await workers[by].observe(repository)).outcome}`);
  else {
    // After whoever observes, be it a dead one.
    await expireObservation(project);
    await catchUp(workers[by]);
  }
}

/** Not by the in-process runner, which waits for those that are stuck. */
async function catchUp(worker: Materializer): Promise<void> {
  await worker.observe(repository);
  for (;;) {
    const leases = await worker.claim({ limit: 16, only: { repository } });
    if (leases.length === 0) return;
    for (const lease of leases) await worker.materialize(lease);
  }
}

export async function expireEverything(project: Project): Promise<void> {
  await expireLeases(project.db);
  await expireObservation(project);
}

async function expireObservation({ db }: Project): Promise<void> {
  await db.query("update headstart_materializer.repositories set observe_until = null");
}

/** A worker that builds, or is not heard of for a while once it came so far. */
async function buildPart(
  worker: Materializer,
  until: "claimed" | "built" | "published",
  { stuck }: World,
): Promise<string> {
  const [lease] = await worker.claim();
  if (lease === undefined) return "nothing to build";
  const finish = async (): Promise<string> => `build: ${(await worker.materialize(lease)).outcome}`;
  if (until === "published") return await finish();
  const { signal } = new AbortController();
  // A commit that has left the repository since is found out here as it would be in a real build.
  const built = until === "built" ? await worker.build(lease, { signal }).catch(() => undefined) : undefined;
  stuck.push(built?.kind === "built" ? async () => await publishLate(worker, lease, built) : finish);
  return until;
}

async function publishLate(worker: Materializer, lease: Lease, built: Built): Promise<string> {
  const published = async (): Promise<unknown> => await worker.publish(lease, built);
  return (await wasPossible(published)) ? "late: published" : "late: fenced";
}

/** Observes and builds as a process that is killed at one of its statements, whichever that is. */
async function crash(by: ReleaseName, atStatement: number, { project, happened }: World): Promise<void> {
  const pool = mortalPool(project.databaseUrl, atStatement);
  const worker = createMaterializer({
    db: pool.db,
    projectors: [releases[by]],
    mirrors: { root: project.root, protocols: ["file", "http"] },
    settings,
  });
  try {
    await worker.observe(repository);
    for (const lease of await worker.claim({ limit: 2 })) await worker.materialize(lease);
  } catch (error) {
    if (!pool.died()) throw error;
    happened.add("crash");
  } finally {
    await worker[Symbol.asyncDispose]();
    await pool.db.end();
  }
}

/** Nothing is observed, and what is built has to be here already. */
async function outage(worker: Materializer, world: World): Promise<void> {
  const { project, happened } = world;
  const { directory } = project.upstream;
  await rename(directory, `${directory}.away`);
  try {
    const observation = await worker.observe(repository).catch(() => undefined);
    expect(observation?.outcome ?? "busy").toBe("busy");
    await buildPart(worker, "published", world);
    happened.add("outage");
  } finally {
    await rename(`${directory}.away`, directory);
  }
}
