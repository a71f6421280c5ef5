import { breathe, type Followed } from "./follow-branches.ts";
import type { OpenMaterialize } from "./open-materialize.ts";

/** Builds at a time in this process. */
const atOnce = 2;

/**
 * Makes the tables, and registers the configured repository, where no worker has done so.
 *
 * @throws MaterializerError what is wrong with the registration
 */
export async function prepareHere(
  { materializer, config }: OpenMaterialize,
  repository: string | undefined,
): Promise<void> {
  await materializer.migrate();
  for (const { credential: _, live, drafts, scope, tenant, ...wanted } of config.repositories) {
    if (repository !== undefined && wanted.name !== repository) continue;
    await materializer.register({
      ...wanted,
      ...(live !== undefined && { live }),
      ...(drafts !== undefined && { drafts }),
      ...(scope !== undefined && { scope }),
      ...(tenant !== undefined && { tenant }),
    });
  }
}

/**
 * Looks at git in this process, alone: whoever else is looking is waited for.
 *
 * @throws GitError as git failed
 */
export async function observeHere(
  { materializer, context }: OpenMaterialize,
  repository: string,
): Promise<void> {
  const { signal, progress } = context;
  progress.show(repository, { phase: "check", detail: "looking at git" });
  for (;;) {
    const { outcome } = await materializer.observe(repository, { signal });
    if (outcome === "changed" || outcome === "unchanged") return;
    await breathe(signal);
  }
}

/**
 * Builds what is due of the repository, or its one branch, until `waiting` says that the branches that matter have an
 * outcome. An abort gives every lease back.
 */
export async function buildHere(
  { materializer, context }: OpenMaterialize,
  { repository, ref }: Followed,
  waiting: () => Promise<number>,
): Promise<void> {
  const { signal, progress } = context;
  for (let left = await waiting(); left > 0; left = await waiting()) {
    signal.throwIfAborted();
    const leases = await materializer.claim({ limit: atOnce, only: { repository, branch: ref } });
    await Promise.all(
      leases.map(async (lease) => {
        const about = ref === undefined ? ` (${left} waiting)` : "";
        await materializer.materialize(lease, {
          signal,
          onProgress: ({ phase, done, total }) =>
            progress.show(repository, {
              phase: "build",
              detail: `${lease.ref.replace("refs/heads/", "")}: ${phase}${about}`,
              ...(done !== undefined && { done }),
              ...(total !== undefined && { total }),
            }),
        });
      }),
    );
    signal.throwIfAborted();
    // Somebody else builds it, or it is tried again later.
    if (leases.length === 0) await breathe(signal);
  }
}
