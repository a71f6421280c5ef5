import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { folder } from "./folder.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");

test("the README explains every error code, and no other", () => {
  const documented = [...readme.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map((match) => match[1]);
  const type = /FingerprintErrorCode =([^;]+);/.exec(read("../src/errors.ts"))?.[1] ?? "";
  const declared = [...type.matchAll(/"([A-Z_]+)"/g)].map((match) => match[1]);
  expect(documented.toSorted((a = "", b = "") => (a < b ? -1 : 1))).toEqual(
    declared.toSorted((a = "", b = "") => (a < b ? -1 : 1)),
  );
});

test("the README's sample runs", () => {
  const sample = /```ts\n([^`]+)```/.exec(readme)?.[1] ?? "";
  using project = folder({ "db/migrations/1.sql": "a", "db/seeds/x.json": "{}" });
  const built = fileURLToPath(new URL("../dist/index.js", import.meta.url));
  const file = project.write("sample.mjs", sample.replace('"@headstart/fingerprint"', JSON.stringify(built)));
  const output = execFileSync(process.execPath, [file], { cwd: project.path }).toString();
  expect(output).toMatch(/^[0-9a-f]{64} 2\n/);
});

test("the README's shell line gives the digest", async () => {
  const { fingerprint } = await import("../src/fingerprint.ts");
  const line = /```sh\n(find[^`]+)```/.exec(readme)?.[1] ?? "";
  using project = folder({
    "migrations/1.sql": "a",
    "migrations/sub/2.sql": "b",
    "migrations/sub-3.sql": "c",
  });
  const theirs = execFileSync("bash", ["-c", line], { cwd: project.path }).toString().slice(0, 64);
  expect((await fingerprint({ roots: { migrations: join(project.path, "migrations") } })).digest).toBe(
    theirs,
  );
});

test("the README names every option, and no other", () => {
  const documented = [...readme.matchAll(/^\| `((?:roots\.\*\.)?[a-z]\w+)` +\|/gm)].map(
    (match) => match[1] ?? "",
  );
  const source = read("../src/fingerprint.ts") + read("../src/walk-root.ts") + read("../src/select-files.ts");
  const declared = ["FingerprintOptions", "RootInput", "SelectionPatterns"].flatMap((name) => {
    const body = new RegExp(`interface ${name}[^{]*\\{([^}]*?)\n\\}`).exec(source)?.[1] ?? "";
    const place = name === "FingerprintOptions" ? "" : "roots.*.";
    return [...body.matchAll(/readonly (\w+)\??:/g)].map((match) => `${place}${match[1]}`);
  });
  const sorted = (names: readonly string[]): string[] => names.toSorted((a, b) => (a < b ? -1 : 1));
  expect(sorted(documented)).toEqual(sorted(declared.filter((name) => name !== "roots.*.path")));
});

test("the public surface is what it was reviewed to be", async () => {
  const surface = Object.keys(await import("../src/index.ts")).sort();
  expect(surface).toEqual([
    "FingerprintError",
    "compare",
    "digestOf",
    "fingerprint",
    "manifestBytes",
    "parseManifest",
    "rootSelects",
  ]);
});
