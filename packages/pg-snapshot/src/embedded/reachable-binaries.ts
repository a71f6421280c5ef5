import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { PostgresBinaries } from "./find-postgres.ts";
import { makeAside } from "./make-aside.ts";
import { canRun, giveTo, type ServerAccount } from "./server-account.ts";

/** Parts of an installation, beside each other, that the server finds from where its program lies. */
const parts = ["bin", "lib", "lib64", "share"];

/**
 * Binaries that `account` can run. Where it cannot reach them, for example in a checkout below root's home, they
 * are copied into `directory` once.
 */
export async function reachableBinaries(
  directory: string,
  { binaries, account }: { readonly binaries: PostgresBinaries; readonly account: ServerAccount | undefined },
): Promise<PostgresBinaries> {
  if (!account || (await canRun(account, join(binaries.directory, "postgres")))) return binaries;
  const source = dirname(binaries.directory);
  const origin = createHash("sha256").update(source).digest("hex").slice(0, 8);
  const name = `binaries-${binaries.version}-${origin}`;
  if (!existsSync(join(directory, name))) {
    await makeAside(directory, name, async (copy, scratch) => {
      await mkdir(copy, { mode: 0o755 });
      for (const part of new Set([basename(binaries.directory), ...parts])) {
        if (!existsSync(join(source, part))) continue;
        await cp(join(source, part), join(copy, part), { recursive: true, verbatimSymlinks: true });
      }
      await giveTo(account, scratch);
    });
  }
  return { ...binaries, directory: join(directory, name, basename(binaries.directory)) };
}
