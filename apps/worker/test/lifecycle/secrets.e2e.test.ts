import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { findCommandLines } from "../support/find-processes.ts";
import { page, workerProject } from "../support/worker-project.ts";

const secrets = { git: "git-P@ss/word:é", database: "db-p%ss wörd", token: "page-token-5521" };

test("no secret is in a log, an answer, a table or a command line, whether things go well or wrong", async () => {
  const project = await workerProject({
    config: { http: { port: 0, lingerMs: 0, token: { env: "PAGE_TOKEN" } } },
  });
  const { upstream, server, mirrors, databaseUrl, db, start, title } = project;
  server.behaviour.basicAuth = { username: "bot", password: secrets.git };
  await upstream.commit("main", { "pages/home.json": page("Welcome") });
  const file = join(mirrors, "..", "git-password");
  await writeFile(file, `${secrets.git}\n`);
  const role = `app_${Date.now().toString(36)}`;
  await db.query(`create role ${role} login superuser password ${pg.escapeLiteral(secrets.database)}`);
  onTestFinished(async () => {
    await db.query(`reassign owned by ${role} to current_user; drop owned by ${role}; drop role ${role}`);
  });
  const url = new URL(databaseUrl);
  [url.username, url.password] = [role, encodeURIComponent(secrets.database)];
  const credential = { username: "bot", password: { file } };
  const config = {
    repositories: [
      { name: "handbook", url: `${server.url}/content.git`, projector: "pages", credential },
      { name: "other", url: `${server.url}/absent.git`, projector: "pages", credential },
    ],
  };
  const environment = { DATABASE_URL: url.href, PAGE_TOKEN: secrets.token };
  const worker = start({ config, environment });
  const base = await worker.url();
  await expect
    .poll(async () => await title("main").catch(() => undefined), { timeout: 30_000 })
    .toBe("Welcome");
  await worker.logged("repository.failed");
  const answers = await Promise.all(
    ["healthz", "readyz", "metrics", "status"].map(
      async (path) => await (await fetch(`${base}/${path}`)).text(),
    ),
  );
  url.pathname = "/no_such_database";
  const wrong = start({ config, environment: { ...environment, DATABASE_URL: url.href } });
  expect(await wrong.exited).toBe(4);
  const { rows } = await db.query(
    "select to_jsonb(r)::text as text from headstart_materializer.repositories r",
  );
  const everything = [worker.output(), wrong.output(), ...answers, JSON.stringify(rows)].join("\n");
  for (const secret of Object.values(secrets)) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")]) {
      expect(everything).not.toContain(form);
      expect(await findCommandLines(form)).toEqual([]);
    }
  }
  worker.send("SIGTERM");
  expect(await worker.exited).toBe(0);
});
