import { statSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { parseManifest } from "@headstart/fingerprint";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import { rootInput } from "./target-key.ts";

/** Files of the project that the build command names and no input covers: their edits would go unnoticed. */
export function unlistedProgram({ target, directory }: ConfiguredTarget, manifest: string): string[] {
  if (typeof target.build === "function") return [];
  const files = target.build.command
    .map((argument) => ({ argument, path: resolve(directory, argument) }))
    .filter(({ path }) => path.startsWith(directory + sep) && !path.includes(`${sep}node_modules${sep}`))
    .filter(({ path }) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (files.length === 0) return [];
  const covered = new Set(parseManifest(manifest).map((entry) => entry.path));
  const roots = Object.entries(target.inputs).map(
    ([name, input]) => [name, rootInput(directory, input).path] as const,
  );
  return files
    .filter(
      ({ path }) =>
        !roots.some(([name, root]) => {
          const below = relative(root, path).split(sep).join("/");
          return covered.has(below === "" ? name : `${name}/${below}`);
        }),
    )
    .map(
      ({ argument }) =>
        `the build runs "${argument}", which is not among the inputs: edits to it go unnoticed`,
    );
}
