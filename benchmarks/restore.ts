import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import {
  directoryStore,
  findTool,
  prepare,
  resolveConnection,
  startEmbeddedServer,
  type Target,
} from "@headstart/pg-snapshot";
import { execa } from "execa";
import pg from "pg";
import { printRatios, timed } from "./print-ratios.ts";

const rounds = 5;
const name = "restore";
const directory = await mkdtemp(join(tmpdir(), "headstart-bench-"));

/** A database of about 150 MB: a few large tables with the usual indexes, and many small ones. */
const target: Target = {
  name,
  fingerprint: async () => ({ digest: "1", manifest: "" }),
  build: async ({ url }) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (const table of ["orders", "lines", "events"]) {
      await client.query(
        `create table ${table} as
         select g as id, g % 1000 as parent, md5(g::text) as code, repeat('some words of text ', 3) || g as note,
                now() - g * interval '1 minute' as at
           from generate_series(1, 200000) g`,
      );
      await client.query(`alter table ${table} add primary key (id)`);
      await client.query(`create index on ${table} (parent, at)`);
      await client.query(`create index on ${table} (code)`);
      await client.query(`create index on ${table} using gin (to_tsvector('english', note))`);
    }
    for (let index = 0; index < 100; index++) {
      await client.query(
        `create table small_${index} (id int primary key, parent int references orders, name text unique)`,
      );
    }
    await client.end();
  },
  stores: [directoryStore(join(directory, "snapshots"), { writable: true })],
};

// Open to the account that a server started by root runs as.
await chmod(directory, 0o755);
try {
  await using server = await startEmbeddedServer({ directory });
  const { host, port, user, password } = resolveConnection(server.url);
  const environment = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password };
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await using built = await prepare(target, { server: server.url });
  const folder = join(directory, "snapshots", name);
  const dump = join(folder, (await readdir(folder)).find((file) => file.endsWith(".pgdump")) ?? "");
  const [program] = (await findTool("pg_restore", Number.parseInt(server.version, 10))).command;
  const plainly = async (flags: readonly string[]): Promise<number> => {
    await admin.query("create database plain_restore template template0");
    const ms = await timed(
      async () =>
        await execa(program, ["--no-owner", "--no-privileges", ...flags, "--dbname=plain_restore", dump], {
          env: environment,
        }),
    );
    await admin.query("drop database plain_restore");
    return ms;
  };
  const jobs = availableParallelism();
  const ours: number[] = [];
  const serial: number[] = [];
  const parallel: number[] = [];
  for (let round = 0; round < rounds; round++) {
    serial.push(await plainly([]));
    await using restored = await prepare(target, { server: server.url, from: "snapshot", save: "never" });
    ours.push(restored.timings.find(({ phase }) => phase === "restore")?.ms ?? Number.NaN);
    parallel.push(await plainly([`--jobs=${jobs}`]));
  }
  void built;
  printRatios("Restore of a database of about 150 MB", { name: "snapshot tier, restoring", ms: ours }, [
    { name: "pg_restore", ms: serial },
    { name: `pg_restore --jobs=${jobs}`, ms: parallel },
  ]);
  await admin.end();
} finally {
  await rm(directory, { recursive: true, force: true });
}
