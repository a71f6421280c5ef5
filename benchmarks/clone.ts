import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepare, startEmbeddedServer, type Target } from "@headstart/pg-snapshot";
import pg from "pg";
import { printRatios, timed } from "./print-ratios.ts";

const rounds = 15;

/** A table whose rows take about 105 bytes, indexes included. */
function target(megabytes: number): Target {
  return {
    name: `clone-${megabytes}`,
    fingerprint: async () => ({ digest: String(megabytes), manifest: "" }),
    build: async ({ url }) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const rows = (megabytes - 7) * 10_000;
      await client.query(
        `create table item as select g as id, md5(g::text) as word from generate_series(1, ${rows}) g`,
      );
      await client.query("alter table item add primary key (id)");
      await client.end();
    },
  };
}

const directory = await mkdtemp(join(tmpdir(), "headstart-bench-"));
// Open to the account that a server started by root runs as.
await chmod(directory, 0o755);
try {
  await using server = await startEmbeddedServer({ directory });
  const plain = new pg.Client({ connectionString: server.url });
  await plain.connect();
  for (const megabytes of [20, 300]) {
    await using prepared = await prepare(target(megabytes), { server: server.url });
    const { name, description } = prepared.template;
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      theirs.push(await timed(async () => await plain.query(`create database plain_clone template ${name}`)));
      await plain.query("drop database plain_clone");
      const started = performance.now();
      const clone = await prepared.template.clone();
      ours.push(performance.now() - started);
      await clone.drop();
    }
    printRatios(
      `Clone of a template of ${megabytes} MB (${description.strategy})`,
      { name: "template.clone()", ms: ours },
      [{ name: "CREATE DATABASE … TEMPLATE", ms: theirs }],
    );
  }
  await plain.end();
} finally {
  await rm(directory, { recursive: true, force: true });
}
