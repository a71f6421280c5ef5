import { statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/**
 * Where things are kept between runs that can be made again: `HEADSTART_CACHE`, else what the platform has for
 * it (https://specifications.freedesktop.org/basedir-spec/latest/).
 *
 * Root's server runs as another account, to which root's own home is closed as a rule. Root therefore gets the
 * system's cache where its own is not open to all.
 */
export function cacheDirectory(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const { HEADSTART_CACHE: given, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = environment;
  if (given) return given;
  const home = environment["HOME"] ?? homedir();
  const own = xdg
    ? join(xdg, "headstart")
    : process.platform === "darwin"
      ? join(home, "Library", "Caches", "headstart")
      : process.platform === "win32" && local
        ? join(local, "headstart")
        : join(home, ".cache", "headstart");
  if (process.geteuid?.() !== 0 || isOpenToAll(own)) return own;
  return process.platform === "darwin" ? "/Library/Caches/headstart" : "/var/cache/headstart";
}

/** Whether everybody may enter `folder`; of what does not exist yet, the folders above it decide. */
function isOpenToAll(folder: string): boolean {
  const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0o001;
  if ((mode & 0o001) === 0) return false;
  return dirname(folder) === folder || isOpenToAll(dirname(folder));
}
