import type { Deployment, RunningWorker } from "./deployment.ts";
import type { Load } from "./load.ts";
import { until } from "./until.ts";

/** Waits until something is served that is pushed after this call. */
export async function servesNews({ db }: Deployment, load: Load): Promise<void> {
  const from = load.pushes();
  const served = async (): Promise<boolean> => {
    const { rows } = await db
      .query<{ newest: number | null }>(
        `select max(substr(data ->> 'title', length('push ') + 1)::int) as newest
         from headstart_materializer.branch_rows where data ->> 'title' like 'push %'`,
      )
      .catch(() => ({ rows: [] }));
    return (rows[0]?.newest ?? -1) >= from;
  };
  await until(served, { what: `push ${from} or a later one to be served`, timeoutMs: 90_000 });
}

/** Branches that a worker builds at the moment. */
async function leasesOf({ db }: Deployment, { pid }: RunningWorker): Promise<number> {
  const { rows } = await db.query<{ leases: number }>(
    `select count(*)::int as leases from headstart_materializer.branches where lease_owner like '%:' || $1 || ':%'`,
    [pid],
  );
  return rows[0]?.leases ?? 0;
}

export async function isBuilding(deployment: Deployment, worker: RunningWorker): Promise<void> {
  await until(async () => (await leasesOf(deployment, worker)) > 0, { what: "the worker to build" });
}

/** Others have taken what it built, when it cannot give it back itself. */
export async function isReplaced(deployment: Deployment, worker: RunningWorker): Promise<void> {
  await until(async () => (await leasesOf(deployment, worker)) === 0, {
    what: "its leases to be taken over",
  });
}

/** It has published something after this call. */
export async function publishes({ log }: RunningWorker): Promise<void> {
  const published = (): number => log.filter(({ event }) => event === "branch.published").length;
  const before = published();
  await until(() => published() > before, { what: "the worker to publish again", timeoutMs: 120_000 });
}
