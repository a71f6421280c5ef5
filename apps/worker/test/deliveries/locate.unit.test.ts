import fc from "fast-check";
import { expect, test } from "vitest";
import { locate } from "../../src/deliveries/locate.ts";
import { locateAnywhere, repositoryMatcher } from "../../src/deliveries/match-repositories.ts";

test.each([
  ["https://github.com/acme/handbook.git", "github.com/acme/handbook"],
  ["https://github.com/acme/handbook", "github.com/acme/handbook"],
  ["https://GitHub.com/Acme/Handbook/", "github.com/Acme/Handbook"],
  ["http://github.com:80/acme/handbook.git", "github.com/acme/handbook"],
  ["https://github.com:443/acme/handbook.git", "github.com/acme/handbook"],
  ["git://github.com:9418/acme/handbook.git", "github.com/acme/handbook"],
  ["git@github.com:acme/handbook.git", "github.com/acme/handbook"],
  ["github.com:acme/handbook.git", "github.com/acme/handbook"],
  ["ssh://git@github.com/acme/handbook.git", "github.com/acme/handbook"],
  ["ssh://git@github.com:22/acme/handbook.git", "github.com/acme/handbook"],
  ["git+ssh://git@github.com/acme/handbook.git", "github.com/acme/handbook"],
  ["ssh://git@ssh.github.com:443/acme/handbook.git", "github.com/acme/handbook"],
  ["https://user:p%40ss@git.example.org:8443/a/b.git?x=1#y", "git.example.org:8443/a/b"],
  ["ssh://git@git.example.org:7999/prj/repo.git", "git.example.org:7999/prj/repo"],
  ["https://gitlab.example.org/group/sub//sub/project.git/", "gitlab.example.org/group/sub/sub/project"],
  ["https://münchen.example/a/b", "xn--mnchen-3ya.example/a/b"],
  ["ssh://git@MÜNCHEN.example/a/b.git", "xn--mnchen-3ya.example/a/b"],
  ["https://[2001:DB8::1]:3000/a/b", "[2001:db8::1]:3000/a/b"],
  ["git@[2001:db8::1]:a/b.git", "[2001:db8::1]/a/b"],
  ["https://example.org/%7Euser/r%c3%a9po.git", "example.org/~user/r%C3%A9po"],
  ["https://example.org/a/../b/repo", "example.org/b/repo"],
  ["file:///srv/git/handbook.git", "/srv/git/handbook"],
  ["http://127.0.0.1:40123/handbook.git", "127.0.0.1:40123/handbook"],
])("%s is %s", (url, location) => {
  expect(locate(url)).toBe(location);
});

test.each([
  "",
  "handbook",
  "https://",
  "https://host",
  "https://host/",
  "https://host/.git",
  "ssh://",
  `https://host/${"x".repeat(2048)}`,
])("%s names no repository", (url) => {
  expect(locate(url)).toBeUndefined();
});

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,12}$/);
const place = fc.record({
  host: fc.tuple(name, name).map(([a, b]) => `${a}.${b}.example`),
  port: fc.option(fc.integer({ min: 1024, max: 65_535 }), { nil: undefined }),
  path: fc.array(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,12}$/), { minLength: 1, maxLength: 4 }),
});

test("every spelling of an address is one place, and no credential is part of it", () => {
  const secret = fc.stringMatching(/^SECRET[A-Za-z0-9]{6,12}$/);
  fc.assert(
    fc.property(place, secret, fc.boolean(), ({ host, port, path }, password, upper) => {
      const at = `${upper ? host.toUpperCase() : host}${port === undefined ? "" : `:${port}`}`;
      const joined = path.join("/");
      const spellings = [
        `https://${at}/${joined}`,
        `https://${at}/${joined}.git`,
        `http://${at}//${joined}.git/`,
        `https://user:${password}@${at}/${joined}.git`,
        `ssh://git@${at}/${joined}.git`,
        `SSH://git@${at}/${joined}`,
        ...(port === undefined ? [`git@${at}:${joined}.git`, `${at}:${joined}`] : []),
      ];
      const places = new Set(spellings.map(locate));
      expect([...places]).toEqual([`${host}${port === undefined ? "" : `:${port}`}/${joined}`]);
    }),
  );
});

test("whatever is said to be an address, a place that was found is found again from itself", () => {
  const hostile = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc
      .tuple(fc.constantFrom("https://", "ssh://", "git@", "ext::", "file://"), fc.string({ maxLength: 40 }))
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(hostile, (url) => {
      const found = locate(url);
      if (found === undefined || found.startsWith("/") || /\.git$/i.test(found)) return;
      expect(locate(`https://${found}`)).toBe(found);
    }),
    { numRuns: 2_000 },
  );
});

test("a repository is found by exact case first, then by any case, and by all its names", () => {
  const match = repositoryMatcher([
    { name: "lower", url: "https://git.example.org/team/handbook.git" },
    { name: "upper", url: "https://git.example.org/Team/Handbook.git" },
    { name: "twice", url: "ssh://git@git.example.org/team/handbook" },
    { name: "other", url: "https://git.example.org:8443/team/handbook.git" },
    { name: "broken", url: "not an address" },
  ]);
  expect(match(["git.example.org/team/handbook"])).toEqual(["lower", "twice"]);
  expect(match(["git.example.org/Team/Handbook"])).toEqual(["upper"]);
  expect(match(["git.example.org/TEAM/handbook"])).toEqual(["lower", "twice", "upper"]);
  expect(match(["git.example.org:8443/team/handbook", "git.example.org/nothing"])).toEqual(["other"]);
  expect(match(["git.example.org/team"])).toEqual([]);
  expect(match([])).toEqual([]);
});

test("project and name alone find a repository of Bitbucket Data Center by either address", () => {
  const match = repositoryMatcher([
    { name: "https", url: "https://bitbucket.example.org/context/scm/prj/handbook.git" },
    { name: "ssh", url: "ssh://git@bitbucket.example.org:7999/prj/handbook.git" },
    { name: "personal", url: "https://bitbucket.example.org/scm/~jane/handbook.git" },
    { name: "elsewhere", url: "https://github.com/prj/handbook.git" },
    { name: "deeper", url: "https://gitlab.example.org/group/prj/handbook.git" },
  ]);
  expect(match([locateAnywhere("PRJ", "handbook") ?? ""])).toEqual(["https", "ssh"]);
  expect(match([locateAnywhere("~jane", "handbook") ?? ""])).toEqual(["personal"]);
});
