import { expect } from "vitest";
import type { Materializer } from "../../src/create-materializer.ts";
import { MaterializerError } from "../../src/errors.ts";
import type { Verification } from "../../src/proof/verify.ts";
import { makeDue } from "../support/take-over.ts";
import { expireEverything, type World } from "./perform-step.ts";
import { newReader } from "./reader.ts";
import { ignored } from "./step.ts";
import { readServed } from "./watch-readers.ts";

const repository = "handbook";

/** Lets time go by, gives every branch another chance, and works until nothing is left to do. */
export async function comeToRest({ project, workers }: World): Promise<void> {
  const settle = async (): Promise<void> => {
    await makeDue(project.db);
    for (const worker of Object.values(workers)) await worker.inProcessRunner().settle(repository);
  };
  await expireEverything(project);
  await settle();
  await project.materializer.redrive({ repository });
  await project.materializer.confirmDeletions(repository);
  await settle();
}

/** Every branch is what git says, and is proved to be; of those that git does not have, nothing is seen. */
export async function expectAtRest(world: World): Promise<void> {
  const { project, history } = world;
  // First, since what is pinned is unpinned below.
  await expectEvents(world);
  const tips = new Map([...history.tips].filter(([name]) => name !== ignored));
  for (const [branch, oid] of tips) await expectBranch(world, { branch, oid });
  const served = await readServed(project.db);
  const shown = new Map(
    served.map(({ ref, oid, notes }) => [ref.slice("refs/heads/".length), { oid, notes }]),
  );
  for (const [branch, oid] of tips) {
    const notes = history.notesOf(oid, world.wanted);
    if (notes !== undefined) expect(shown.get(branch), branch).toEqual({ oid, notes });
  }
  expect([...tips.keys()], "what git does not have is not served").toEqual(
    expect.arrayContaining([...shown.keys()]),
  );
}

async function expectBranch(world: World, { branch, oid }: { branch: string; oid: string }): Promise<void> {
  const { materializer } = world.project;
  const name = { repository, branch };
  const before = await materializer.branch(name);
  const published = world.history.notesOf(oid, world.wanted) !== undefined;
  expect(before, branch).toMatchObject(
    published
      ? { desiredOid: oid, latestOid: oid, errorCode: null, dirty: false, parkedAt: null }
      : { desiredOid: oid, errorOid: oid, errorCode: "CONTENT_INVALID", dirty: false, parkedAt: null },
  );
  const proof = await verify(world, branch);
  if (proof !== undefined) expect(proof.differences, branch).toEqual([]);
  if (before.pinnedAt === null) {
    if (published) expect(proof, branch).toMatchObject({ gitOid: oid, current: true });
    return;
  }
  await materializer.unpin(name);
  if (published) expect(await verify(world, branch)).toMatchObject({ current: true, differences: [] });
}

/** By the release that made what is served: no other can prove it. */
async function verify({ workers }: World, branch: string): Promise<Verification | undefined> {
  const proofs: Verification[] = [];
  for (const worker of Object.values(workers)) {
    const proof = await verifyBy(worker, branch);
    if (proof !== undefined) proofs.push(proof);
  }
  expect(proofs.length, `${branch} is proved by somebody`).toBeGreaterThan(0);
  return proofs[0];
}

async function verifyBy(worker: Materializer, branch: string): Promise<Verification | undefined> {
  try {
    return await worker.verify({ repository, branch });
  } catch (error) {
    if (error instanceof MaterializerError && error.code === "PROJECTOR_UNKNOWN") return undefined;
    throw error;
  }
}

/** What consumers were told is what readers see, also of one that comes so late that it begins with what is left. */
async function expectEvents({ project, reader }: World): Promise<void> {
  await reader.read();
  await reader.expectServed(project.db);
  await project.materializer.retain();
  const late = newReader(project.materializer, { consumer: "late", begins: "late" });
  await late.read();
  await late.expectServed(project.db);
}
