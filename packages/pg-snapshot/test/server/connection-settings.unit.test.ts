import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { PgSnapshotError } from "../../src/errors.ts";
import {
  databaseUrl,
  describeServer,
  resolveConnection,
  toolEnvironment,
} from "../../src/server/connection-settings.ts";

const directory = mkdtempSync(join(tmpdir(), "headstart-service-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("a URL is read with its escapes", () => {
  expect(resolveConnection("postgres://us%40er:p%2Fw%20%27@[::1]:6000/my%20db", {})).toMatchObject({
    host: "::1",
    port: 6000,
    user: "us@er",
    password: "p/w '",
    database: "my db",
  });
});

test("what the URL leaves out comes from the PG* variables, then from defaults", () => {
  const environment = { PGHOST: "db.example", PGPORT: "6543", PGUSER: "ada", PGPASSWORD: "pw" };
  expect(resolveConnection("postgres://localhost/app", environment)).toMatchObject({
    host: "localhost",
    port: 6543,
    user: "ada",
    password: "pw",
    database: "app",
  });
  expect(resolveConnection(undefined, { PGUSER: "ada" })).toMatchObject({
    host: "localhost",
    port: 5432,
    database: "ada",
    password: undefined,
  });
});

test("an empty PGPASSWORD counts as none, so that .pgpass is still asked", () => {
  const settings = resolveConnection("postgres://ada@localhost/app", { PGPASSWORD: "" });
  expect(settings.password).toBeUndefined();
  expect(toolEnvironment(settings, "app")).not.toHaveProperty("PGPASSWORD");
});

test("a service file completes the settings", () => {
  const file = join(directory, "service.conf");
  writeFileSync(
    file,
    "# comment\n[other]\nhost=wrong\n[ours]\nhost = db.internal\nport=7000\nuser=grace\n\n[later]\nport=1\n",
  );
  expect(resolveConnection(undefined, { PGSERVICEFILE: file, PGSERVICE: "ours", PGPORT: "1" })).toMatchObject(
    {
      host: "db.internal",
      port: 7000,
      user: "grace",
    },
  );
  expect(() => resolveConnection(undefined, { PGSERVICEFILE: file, PGSERVICE: "none" })).toThrow(
    /no service "none"/,
  );
});

test("a Unix socket survives the way through URL and tool environment", () => {
  const settings = resolveConnection("postgres://ada@/app?host=/run/my%20pg&port=5433", {});
  expect(settings).toMatchObject({ host: "/run/my pg", port: 5433 });
  expect(toolEnvironment(settings, "x")).toMatchObject({
    PGHOST: "/run/my pg",
    PGPORT: "5433",
    PGDATABASE: "x",
  });
  expect(resolveConnection(databaseUrl(settings), {})).toEqual(settings);
});

test("a URL made for a database with an odd name leads to that database", () => {
  const settings = resolveConnection("postgres://ada:s%3Acret@localhost:5432/app?sslmode=disable", {});
  expect(resolveConnection(databaseUrl(settings, 'we"ird/näme?'), {}).database).toBe('we"ird/näme?');
});

test("TLS parameters reach pg and the libpq tools alike", () => {
  const settings = resolveConnection("postgres://ada@localhost/app?sslmode=require", {});
  expect(settings.ssl).toEqual({ rejectUnauthorized: false });
  expect(toolEnvironment(settings, "app")).toMatchObject({ PGSSLMODE: "require" });
  expect(resolveConnection("postgres://ada@localhost/app?sslmode=verify-full", {}).ssl).toEqual({
    rejectUnauthorized: true,
  });
});

test.each([
  "mysql://x",
  "localhost:5432",
  "postgres://ada@localhost:99999/app",
  "postgres://ada:secret@[bad/app",
])("%s is refused with a hint and without repeating a password", (url) => {
  let error: unknown;
  try {
    resolveConnection(url, {});
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(PgSnapshotError);
  expect((error as PgSnapshotError).code).toBe("CONNECTION_SETTINGS_INVALID");
  expect((error as PgSnapshotError).hint).toContain("postgres://");
  expect(String((error as PgSnapshotError).message)).not.toContain("secret");
});

test("a server is described without its password", () => {
  expect(describeServer(resolveConnection("postgres://ada:secret@db:1/app", {}))).toBe("ada@db:1");
});
