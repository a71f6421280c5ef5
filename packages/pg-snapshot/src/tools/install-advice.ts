import { readFileSync } from "node:fs";

/** What decides which package manager there is. */
export interface Platform {
  readonly name: NodeJS.Platform;
  /** `ID` and `ID_LIKE` of `/etc/os-release`, space separated; empty elsewhere. */
  readonly distribution: string;
}

/** Version that is advised where none is asked for: the newest that Headstart is tested with. */
const advisedMajor = 18;

type Command = (what: "client" | "server", major: number) => string;

/** Debian's own archive has one version; the project's has all: https://www.postgresql.org/download/linux/debian/ */
const debian: Command = (what, major) =>
  `sudo apt-get install --yes postgresql-common && sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y && sudo apt-get install --yes postgresql-${what === "client" ? "client-" : ""}${major}`;
/** Likewise for Fedora and Red Hat: https://www.postgresql.org/download/linux/redhat/ */
const redHat: Command = (what, major) =>
  `sudo dnf install postgresql${major}${what === "client" ? "" : "-server"} (from https://download.postgresql.org/pub/repos/yum/)`;
const alpine: Command = (what, major) =>
  `apk add postgresql${major}${what === "client" ? "-client" : ""} postgresql${major}-contrib`;

const byDistribution: readonly (readonly [RegExp, Command])[] = [
  [/\b(debian|ubuntu)\b/, debian],
  [/\b(fedora|rhel|centos)\b/, redHat],
  [/\balpine\b/, alpine],
  [/\barch\b/, () => "sudo pacman -S postgresql"],
  [
    /\b(opensuse|suse)\b/,
    (what, major) => `sudo zypper install postgresql${major}${what === "client" ? "" : "-server"}`,
  ],
];

/** The command that installs Postgres programs on this machine. */
export function installAdvice(
  what: "client" | "server",
  major: number = advisedMajor,
  platform: Platform = thisPlatform(),
): string {
  if (platform.name === "darwin") return `brew install postgresql@${major}`;
  if (platform.name === "win32") return `winget install PostgreSQL.PostgreSQL.${major}`;
  const known = byDistribution.find(([pattern]) => pattern.test(platform.distribution));
  return (known?.[1] ?? debian)(what, major);
}

function thisPlatform(): Platform {
  return { name: process.platform, distribution: readDistribution() };
}

/** https://www.freedesktop.org/software/systemd/man/latest/os-release.html */
function readDistribution(): string {
  try {
    const lines = readFileSync("/etc/os-release", "utf8").split("\n");
    const value = (key: string): string =>
      lines
        .find((line) => line.startsWith(`${key}=`))
        ?.slice(key.length + 1)
        .replaceAll('"', "") ?? "";
    return `${value("ID")} ${value("ID_LIKE")}`.trim();
  } catch {
    return "";
  }
}
