import { join } from "node:path";
import { expect, test } from "vitest";
import { fingerprint } from "../src/fingerprint.ts";
import { rootSelects } from "../src/root-selects.ts";
import type { RootInput } from "../src/walk-root.ts";
import { folder } from "./folder.ts";

const paths = ["a.sql", "a.json", "deep/b.sql", "deep/er/c.sql", "kept/d.sql", ".git/e.sql"];

test.for<Omit<RootInput, "path">>([
  {},
  { include: ["**/*.sql"] },
  { include: ["**", "!deep/**"] },
  { exclude: ["deep/er/"] },
  { exclude: ["**/*.sql", "kept"] },
  { gitignore: true },
])("a file is selected by its path exactly when a fingerprint has it: %j", async (rules) => {
  using files = folder({
    ".git/HEAD": "",
    ".gitignore": "/kept/\n",
    "deep/.gitignore": "b.sql\n",
    ...Object.fromEntries(paths.map((path) => [path, ""])),
  });
  const root = { ...rules, path: files.path };
  const { manifest } = await fingerprint({ roots: { r: root } });
  for (const path of paths) {
    expect(await rootSelects(root, join(files.path, path)), path).toBe(manifest.includes(` r/${path}\n`));
  }
});

test("a file need not exist, and one outside of the root is not selected", async () => {
  using files = folder({ "root/a": "" });
  const root = { path: join(files.path, "root") };
  expect(await rootSelects(root, join(root.path, "later", "b"))).toBe(true);
  expect(await rootSelects(root, root.path)).toBe(true);
  expect(await rootSelects(root, `${root.path}-beside`)).toBe(false);
  expect(await rootSelects(root, files.path)).toBe(false);
});
