import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildPage } from "../../build-page.ts";

/** The page as the build makes it, in a folder of the test's own: tests need no build. */
export async function builtPage(): Promise<AsyncDisposable & { readonly directory: URL }> {
  const folder = await mkdtemp(join(tmpdir(), "headstart-page-"));
  await buildPage(folder);
  return {
    directory: pathToFileURL(`${folder}/`),
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}
