import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, inject, test, vi } from "vitest";
import { connect } from "../../src/server/connect.ts";
import { resolveConnection } from "../../src/server/connection-settings.ts";
import { passwordFromFile } from "../../src/server/password-file.ts";

const directory = mkdtempSync(join(tmpdir(), "headstart-passfile-"));
afterAll(() => rmSync(directory, { recursive: true }));

function passfile(text: string, mode = 0o600): string {
  const file = join(directory, `pass ${Math.random()}`);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const key = { host: "db", port: 5432, database: "app", user: "me" };

test.for([
  ["db:5432:app:me:secret", "secret"],
  ["*:*:*:*:secret", "secret"],
  ["db:5433:app:me:no\ndb:5432:other:me:no\ndb:5432:app:me:first\n*:*:*:*:second\n", "first"],
  ["# db:5432:app:me:no\r\ndb:5432:app:me:a\\:b\\\\c d \r\n", "a:b\\c d "],
  ["db:5432:app:me:with:colon", "with"],
  ["\\*:5432:app:me:no", undefined],
  ["db:5432:app", undefined],
  ["", undefined],
] as const)("of %j the first entry that fits gives %j", ([text, password]) => {
  expect(passwordFromFile(key, { PGPASSFILE: passfile(text) })).toBe(password);
});

test("a socket in its usual place is localhost, and names may be escaped", () => {
  const environment = { PGPASSFILE: passfile("localhost:*:a\\:b:*:secret\n") };
  expect(passwordFromFile({ ...key, host: "/tmp", database: "a:b" }, environment)).toBe("secret");
  expect(passwordFromFile({ ...key, host: "/elsewhere", database: "a:b" }, environment)).toBeUndefined();
});

test("the file lies in the home folder where none is named, and need not be there", () => {
  const home = join(directory, "home");
  mkdirSync(home);
  expect(passwordFromFile(key, { HOME: home })).toBeUndefined();
  writeFileSync(join(home, ".pgpass"), "*:*:*:*:mine", { mode: 0o600 });
  expect(passwordFromFile(key, { HOME: home })).toBe("mine");
  expect(passwordFromFile(key, { HOME: home, PGPASSFILE: home })).toBeUndefined();
});

test("a file that others may read is refused with the command that mends it", () => {
  const file = passfile("*:*:*:*:secret", 0o640);
  expect(() => passwordFromFile(key, { PGPASSFILE: file })).toThrow(
    expect.objectContaining({ code: "AUTHENTICATION_FAILED", hint: `chmod 0600 "${file}"` }),
  );
});

test("a connection takes its password from there, without a word of warning", async () => {
  const settings = resolveConnection(inject("serverUrl"));
  const withoutPassword = { ...settings, password: undefined };
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  vi.stubEnv("PGPASSWORD", undefined);
  try {
    vi.stubEnv("PGPASSFILE", passfile(`*:*:*:*:${settings.password}\n`));
    await using session = await connect(withoutPassword);
    expect(session.serverMajor).toBeGreaterThan(0);
    vi.stubEnv("PGPASSFILE", passfile(`*:*:*:*:${settings.password}\n`, 0o644));
    await expect(connect(withoutPassword)).rejects.toMatchObject({
      code: "AUTHENTICATION_FAILED",
      hint: expect.stringContaining("chmod") as string,
    });
    vi.stubEnv("PGPASSFILE", passfile(""));
    await expect(connect(withoutPassword)).rejects.toMatchObject({
      code: "AUTHENTICATION_FAILED",
      hint: expect.stringContaining("PGPASSWORD") as string,
    });
  } finally {
    process.off("warning", note);
    vi.unstubAllEnvs();
  }
  expect(warnings).toEqual([]);
});
