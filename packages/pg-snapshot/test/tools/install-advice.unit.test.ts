import { expect, test } from "vitest";
import { installAdvice, type Platform } from "../../src/tools/install-advice.ts";

const on = (name: NodeJS.Platform, distribution = ""): Platform => ({ name, distribution });

test.each([
  [on("linux", "debian"), "client", /apt-get install .*postgresql-client-17$/],
  [on("linux", "ubuntu debian"), "server", /apt-get install .*postgresql-17$/],
  [on("linux", "rocky rhel centos fedora"), "client", /dnf install postgresql17 /],
  [on("linux", "fedora"), "server", /dnf install postgresql17-server /],
  [on("linux", "alpine"), "client", /apk add postgresql17-client/],
  [on("linux", "arch"), "client", /pacman -S postgresql/],
  [on("linux", "opensuse-leap suse opensuse"), "client", /zypper install postgresql17$/],
  [on("linux"), "client", /apt-get/],
  [on("darwin"), "client", /^brew install postgresql@17$/],
  [on("win32"), "server", /^winget install PostgreSQL\.PostgreSQL\.17$/],
] as const)("on %o the %s's command is that of its package manager", (platform, what, expected) => {
  expect(installAdvice(what, 17, platform)).toMatch(expected);
});
