import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { openSecrets } from "../../src/config/secrets.ts";
import { createLog } from "../../src/log.ts";

test("a file's secret is read anew each time, without its last line break", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headstart-secret-"));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const file = join(folder, "password");
  const secrets = openSecrets({});
  await writeFile(file, "first one\r\n");
  expect(await secrets.read({ file })).toBe("first one");
  await writeFile(file, "second\n\n");
  expect(await secrets.read({ file })).toBe("second\n");
  expect(secrets.redact("first one, second\n")).toBe("***, ***");
});

test.each([
  [{ env: "ABSENT" }, "The variable ABSENT is not set"],
  [{ env: "EMPTY" }, "The variable EMPTY is not set"],
  [{ file: "/nonexistent/secret" }, 'The secret file "/nonexistent/secret" cannot be read: ENOENT'],
])("%j is missing, and the error says which", async (source, words) => {
  const secrets = openSecrets({ EMPTY: "" });
  await expect(secrets.read(source)).rejects.toMatchObject({
    code: "SECRET_MISSING",
    message: expect.stringContaining(words) as string,
  });
});

test("whatever a secret is, no form of it stays in a line of the log", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 4, maxLength: 40, unit: "grapheme" }).filter((text) => text.trim().length > 3),
      fc.string({ maxLength: 10 }),
      async (secret, around) => {
        const secrets = openSecrets({ SECRET: secret });
        await secrets.read({ env: "SECRET" });
        const lines: string[] = [];
        const log = createLog({ write: (line) => lines.push(line), redact: secrets.redact });
        const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")];
        for (const form of forms) {
          log.error("test", { text: `${around}${form}${around}`, error: new Error(form), list: [form] });
          const { text, error, list } = JSON.parse(lines.pop() ?? "") as {
            text: string;
            error: { message: string };
            list: string[];
          };
          expect([error.message, list[0]]).toEqual(["***", "***"]);
          expect(text.includes(form) && !`${around}***${around}`.includes(form)).toBe(false);
        }
      },
    ),
  );
});

test("the password of an address is a secret of its own, and other addresses lose theirs too", async () => {
  const secrets = openSecrets({
    URL: "postgres://app:s%40crets@db/app",
    SOCKET: "postgres://app:other@/app?host=/run",
  });
  for (const env of ["URL", "SOCKET"]) await secrets.read({ env });
  expect(secrets.redact("password s@crets or s%40crets")).toBe("password *** or ***");
  expect(secrets.redact("authentication with other failed")).toBe("authentication with *** failed");
  expect(secrets.redact("see https://bot:third@example.org/x")).toBe("see https://***@example.org/x");
});
