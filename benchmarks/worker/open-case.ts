import { join } from "node:path";
import { createMaterializer, type Materializer } from "@headstart/materializer";
import pg from "pg";
import { pages } from "./pages.ts";
import { startWorker, type BenchWorker } from "./start-worker.ts";
import { makeUpstream, type Upstream } from "./upstream.ts";

/** What all measurements share. */
export interface Site {
  readonly directory: string;
  readonly serverUrl: string;
  readonly gitUrl: string;
}

export interface Repository extends Upstream {
  readonly name: string;
  readonly url: string;
}

/** A database and repositories of one measurement's own. */
export interface Case extends AsyncDisposable {
  readonly db: pg.Pool;
  readonly databaseUrl: string;
  readonly mirrors: string;
  readonly repositories: readonly Repository[];
  /** In this process; it builds only what it is told to. */
  readonly materializer: Materializer;
  startWorker(): Promise<BenchWorker>;
  /** Resolves once this many branches are served and nothing is due. */
  served(branches: number): Promise<void>;
}

export async function openCase(
  { directory, serverUrl, gitUrl }: Site,
  { name, repositories: count }: { name: string; repositories: number },
): Promise<Case> {
  const databaseUrl = await createDatabase(serverUrl, `bench_${name}`);
  const db = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  const mirrors = join(directory, name.slice(0, 8));
  const materializer = createMaterializer({
    db,
    projectors: [pages],
    mirrors: { root: mirrors, protocols: ["http"] },
  });
  await materializer.migrate();
  const repositories: Repository[] = [];
  for (let n = 0; n < count; n += 1) {
    const folder = `${name}-${n}.git`;
    const upstream = await makeUpstream(join(directory, folder));
    repositories.push({ ...upstream, name: `${name}-${n}`, url: `${gitUrl}/${folder}` });
  }
  for (const repository of repositories)
    await materializer.register({ name: repository.name, url: repository.url, projector: "pages" });
  return {
    db,
    databaseUrl,
    mirrors,
    repositories,
    materializer,
    startWorker: async () =>
      await startWorker({
        databaseUrl,
        mirrors,
        repositories: repositories.map((repository) => ({ name: repository.name, url: repository.url })),
      }),
    served: async (branches) => {
      for (;;) {
        const { rows } = await db.query<{ served: number }>(
          `select count(*)::int as served from headstart_materializer.branches
           where served_version is not null and not dirty and lease_token is null`,
        );
        if ((rows[0]?.served ?? 0) >= branches) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const repository of repositories) await repository[Symbol.asyncDispose]();
      await materializer[Symbol.asyncDispose]();
      await db.end();
    },
  };
}

async function createDatabase(serverUrl: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`create database ${pg.escapeIdentifier(name)}`);
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
