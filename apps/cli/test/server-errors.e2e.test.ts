import { chmod } from "node:fs/promises";
import { expect, inject, test } from "vitest";
import { query } from "./fixtures/databases.ts";
import { makeProject } from "./fixtures/project.ts";

interface Failure {
  readonly error: { readonly code: string; readonly hint: string };
}

function serverAs(user: string, password: string): string {
  const url = new URL(inject("serverUrl"));
  url.username = user;
  url.password = password;
  return url.href;
}

test("a server that is down, a wrong password and an absent template are three answers", async () => {
  await using project = await makeProject();
  const args = ["prepare", "--from", "template"];
  const down = { env: { DATABASE_URL: "postgres://postgres@127.0.0.1:1/postgres" } };
  const wrong = { env: { DATABASE_URL: serverAs("postgres", "wrong") } };
  expect(await project.json<Failure>(args, down)).toMatchObject({
    exitCode: 4,
    error: { code: "SERVER_UNREACHABLE" },
  });
  expect(await project.json<Failure>(args, wrong)).toMatchObject({
    exitCode: 4,
    error: { code: "AUTHENTICATION_FAILED" },
  });
  expect(await project.json<Failure>(args)).toMatchObject({
    exitCode: 1,
    error: { code: "TEMPLATE_ABSENT" },
  });
});

test("status tells the same three apart, and still tells about the snapshot", async () => {
  await using project = await makeProject();
  const down = { env: { DATABASE_URL: "postgres://postgres@127.0.0.1:1/postgres" } };
  const wrong = { env: { DATABASE_URL: serverAs("postgres", "wrong") } };
  const unknown = { targets: [{ template: "unknown", snapshot: "missing" }] };
  expect(await project.json(["status"], down)).toMatchObject({
    exitCode: 4,
    server: { status: "failed", error: { code: "SERVER_UNREACHABLE" } },
    ...unknown,
  });
  expect(await project.json(["status"], wrong)).toMatchObject({
    exitCode: 4,
    server: { status: "failed", error: { code: "AUTHENTICATION_FAILED" } },
    ...unknown,
  });
  expect(await project.json(["status"])).toMatchObject({
    exitCode: 0,
    server: { status: "ready" },
    targets: [{ template: "absent", snapshot: "missing" }],
  });
});

test("a role that may not create databases is told so, by doctor as well", async () => {
  await using project = await makeProject();
  const role = "cli_poor_role";
  await query(`drop role if exists ${role}`);
  await query(`create role ${role} login nocreatedb password 'x'`);
  const env = { DATABASE_URL: serverAs(role, "x") };
  expect(await project.json<Failure>(["prepare"], { env })).toMatchObject({
    exitCode: 4,
    error: { code: "PERMISSION_DENIED" },
  });
  const doctor = await project.run(["doctor"], { env });
  expect(doctor.exitCode).toBe(4);
  expect(doctor.stdout).toMatch(/fail +rights +cli_poor_role may not create databases/);
  expect(doctor.stdout).toContain(`ALTER ROLE "${role}" CREATEDB`);
  await query(`drop role ${role}`);
});

test("an address that is none is a mistake of the settings, and is not repeated", async () => {
  await using project = await makeProject();
  const env = { DATABASE_URL: "mysql://root:hunter2@localhost/x" };
  const outcome = await project.run(["prepare"], { env });
  expect(outcome.exitCode).toBe(3);
  expect(outcome.stderr).toContain("[CONNECTION_SETTINGS_INVALID]");
  expect(outcome.stderr).not.toContain("hunter2");
  const status = await project.run(["status"], { env });
  expect(status.exitCode).toBe(3);
  expect(status.stdout).toContain(
    "server  the server of DATABASE_URL: the server's address does not start with",
  );
  expect(status.stdout).not.toContain("hunter2");
});

test("a password file is read without a word about it", async () => {
  await using project = await makeProject();
  const { hostname, port, username, password } = new URL(inject("serverUrl"));
  await project.write("pass", `${hostname}:${port}:*:${username}:${decodeURIComponent(password)}\n`);
  await chmod(project.path("pass"), 0o600);
  const url = new URL(inject("serverUrl"));
  url.password = "";
  const env = { DATABASE_URL: url.href, PGPASSFILE: project.path("pass") };
  expect(await project.run(["status"], { env })).toMatchObject({ exitCode: 0, stderr: "" });
});
