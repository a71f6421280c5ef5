import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GitError } from "./git-error.ts";

/** Bytes of the longest address of a socket that every system takes: macOS has 104, the zero at the end included. */
const longestAddress = 100;

/**
 * A path of `directory` below which sockets can have names of so many bytes: its own, or that of a link to it among the
 * temporary files, which goes at the disposal.
 *
 * @throws GitError `Refused` when even that is too long
 */
export async function socketFolder(
  directory: string,
  nameBytes: number,
): Promise<AsyncDisposable & { readonly path: string }> {
  const excess = (path: string): number =>
    Buffer.byteLength(join(path, "x".repeat(nameBytes))) - longestAddress;
  if (excess(directory) <= 0) return { path: directory, [Symbol.asyncDispose]: async () => undefined };
  const tooLong = excess(join(tmpdir(), "hs-XXXXXX", "l"));
  if (tooLong > 0) {
    throw new GitError("Refused", `The path of the mirrors is too long for a socket: ${directory}`, {
      hint: `Choose a \`root\` that is shorter by ${excess(directory)} bytes, or a TMPDIR that is shorter by ${tooLong}.`,
    });
  }
  const folder = await mkdtemp(join(tmpdir(), "hs-"));
  const path = join(folder, "l");
  await symlink(directory, path);
  return { path, [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }) };
}
