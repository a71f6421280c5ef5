import fc from "fast-check";
import { expect, test } from "vitest";
import { withoutCredentials } from "../../src/status/read-repositories.ts";

test("a repository's address is shown without its credentials, and else as it was given", () => {
  const cases = [
    ["https://user:secret@git.example.org/a.git", "https://git.example.org/a.git"],
    ["https://secret@git.example.org/a.git", "https://git.example.org/a.git"],
    ["ssh://git@git.example.org:22/a.git", "ssh://git.example.org:22/a.git"],
    ["git@git.example.org:team/a.git", "git@git.example.org:team/a.git"],
    ["user:secret@git.example.org/a.git", "git.example.org/a.git"],
    ["https://git.example.org/a%20b.git", "https://git.example.org/a%20b.git"],
  ] as const;
  for (const [given, shown] of cases) expect(withoutCredentials(given)).toBe(shown);
});

test("no password comes through, whatever it is", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\w!$&'()*+,;=.%-]{8,40}$/), (password) => {
      fc.pre(!"https://git.example.org/a.git".includes(password));
      const url = `https://user:${encodeURIComponent(password)}@git.example.org/a.git`;
      expect(withoutCredentials(url)).toBe("https://git.example.org/a.git");
    }),
  );
});
