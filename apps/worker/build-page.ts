import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

const source = fileURLToPath(new URL("src/page/", import.meta.url));

/** Bundles the status page for browsers: one script, one style sheet, and the document that names both. */
export async function buildPage(folder: string): Promise<void> {
  await build({
    config: false,
    entry: { page: join(source, "client/main.ts") },
    outDir: folder,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    splitting: false,
    clean: false,
    silent: true,
    tsconfig: join(source, "client/tsconfig.json"),
  });
  for (const name of ["index.html", "page.css", "icon.svg"])
    await copyFile(join(source, name), join(folder, name));
}
