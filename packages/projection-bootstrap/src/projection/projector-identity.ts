import { readFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { fingerprint } from "@headstart/fingerprint";
import type { Plugin } from "esbuild";
import { z } from "zod";
import { ProjectionError } from "../errors.ts";
import type { Projection } from "./define-projection.ts";

/** Raised when a release of this package stores or folds rows in another way. */
const codec = "json 1";

const ownName = "@headstart/projection-bootstrap";

const known = new WeakMap<Projection, Promise<string>>();

/**
 * What a projection's rows depend on besides the events: the code of its source file and of all that it imports
 * from the project, the versions of the packages that it imports, its schema, and how rows are stored. Comments,
 * formatting and types do not count. The code is compared as esbuild prints it: its version is left out, but a release
 * that prints the same code otherwise makes another identity, which costs a rebuild and serves nothing wrong.
 *
 * @throws {ProjectionError} `IDENTITY_UNAVAILABLE` when the source cannot be read
 */
export async function projectorIdentity(projection: Projection): Promise<string> {
  const found = known.get(projection);
  if (found !== undefined) return await found;
  const computed = computeIdentity(projection);
  known.set(projection, computed);
  // What failed once may work the next time, when the file is there.
  computed.catch(() => known.delete(projection));
  return await computed;
}

async function computeIdentity({ name, mode, definition }: Projection): Promise<string> {
  const { identity, source, schema, types } = definition;
  if (identity !== undefined) return identity;
  if (source === undefined) throw unavailable(name, "it names no source");
  const code = await readCode(name, source);
  const { digest } = await fingerprint({
    roots: {},
    inputs: {
      ...code,
      name,
      mode,
      codec,
      types: JSON.stringify(types ?? null),
      schema: JSON.stringify(z.toJSONSchema(schema, { unrepresentable: "any", cycles: "ref" })),
    },
  });
  return digest;
}

/** The code as one text without comments, types and spacing, and the version of every package beside it. */
async function readCode(name: string, source: string): Promise<Record<string, string>> {
  const packages = new Map<string, string>();
  try {
    const file = fileURLToPath(source);
    const { build } = await import("esbuild");
    const { outputFiles } = await build({
      entryPoints: [file],
      absWorkingDir: dirname(file),
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node20",
      conditions: ["@headstart/source"],
      minifyWhitespace: true,
      legalComments: "none",
      logLevel: "silent",
      plugins: [leaveOutPackages(packages)],
    });
    return { code: outputFiles[0]?.text ?? "", ...Object.fromEntries(packages) };
  } catch (cause) {
    throw unavailable(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function unavailable(name: string, reason: string, cause?: unknown): ProjectionError {
  return new ProjectionError(
    "IDENTITY_UNAVAILABLE",
    `the code of projection ${name} cannot be read: ${reason}`,
    {
      hint: "install esbuild beside this package, or pass { identity } with a digest made when the code was built",
      cause,
    },
  );
}

/** Installed packages count by version; packages of the workspace, which are linked, count by their code. */
function leaveOutPackages(packages: Map<string, string>): Plugin {
  return {
    name: "leave-out-packages",
    setup: (build) => {
      build.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...rest }) => {
        if (pluginData === "inner" || rest.kind === "entry-point") return undefined;
        // The codec says what of this package matters to rows.
        if (path.startsWith("node:") || path === ownName) return { path, external: true, sideEffects: false };
        const found = await build.resolve(path, { ...rest, pluginData: "inner" });
        if (found.errors.length > 0 || found.external) return { path, external: true };
        const installed = `${sep}node_modules${sep}`;
        if (!found.path.includes(installed)) return found;
        const name = /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path;
        packages.set(`package/${name}`, await packageVersion(found.path, name));
        return { path, external: true, sideEffects: false };
      });
    },
  };
}

async function packageVersion(file: string, name: string): Promise<string> {
  const marker = join("node_modules", name) + sep;
  const end = file.lastIndexOf(marker);
  const manifest = join(file.slice(0, end + marker.length), "package.json");
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version?: string };
  return version ?? "";
}
