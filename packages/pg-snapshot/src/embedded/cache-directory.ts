import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where things are kept between runs that can be made again: `HEADSTART_CACHE`, else what the platform has for
 * it (https://specifications.freedesktop.org/basedir-spec/latest/). Root's own home is closed to the account
 * that its server runs as, so root keeps them below `/var/cache`.
 */
export function cacheDirectory(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const given = environment["HEADSTART_CACHE"];
  if (given) return given;
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = environment;
  if (process.geteuid?.() === 0) return "/var/cache/headstart";
  if (xdg) return join(xdg, "headstart");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "headstart");
  if (process.platform === "win32" && local) return join(local, "headstart");
  return join(homedir(), ".cache", "headstart");
}
