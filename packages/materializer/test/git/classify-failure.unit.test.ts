import { describe, expect, test } from "vitest";
import { failureOf, retryTime } from "../../src/git/classify-failure.ts";
import type { GitFailureKind } from "../../src/git/git-error.ts";
import { redactor } from "../../src/git/redact.ts";

const failure = (stderr: string) => failureOf({ command: "fetch", stderr, exit: "exit 128" }, redactor([]));

test.each<[GitFailureKind, string]>([
  ["AuthFailed", "fatal: Authentication failed for 'https://example.org/x/'"],
  ["AuthFailed", "fatal: could not read Username for 'https://example.org': terminal prompts disabled"],
  [
    "AuthFailed",
    "git@example.org: Permission denied (publickey).\nfatal: Could not read from remote repository.",
  ],
  ["AuthFailed", "Host key verification failed.\nfatal: Could not read from remote repository."],
  ["AuthFailed", "remote: Repository not found.\nfatal: repository 'https://example.org/x/' not found"],
  ["AuthFailed", "fatal: unable to access 'https://example.org/x/': The requested URL returned error: 403"],
  ["RateLimited", "fatal: unable to access 'https://example.org/x/': The requested URL returned error: 429"],
  ["RateLimited", "remote: You have exceeded a secondary rate limit.\nfatal: early EOF"],
  ["Transient", "fatal: unable to access 'https://example.org/x/': The requested URL returned error: 502"],
  ["Transient", "fatal: unable to access 'https://example.org/x/': Could not resolve host: example.org"],
  [
    "Transient",
    "error: RPC failed; curl 18 transfer closed\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
  ],
  ["Transient", "ssh: connect to host example.org port 22: Connection timed out"],
  ["Transient", "error: file write error: No space left on device\nfatal: unable to unpack"],
  ["Transient", "remote: fatal: object 1234 is corrupt\nfatal: the remote end hung up unexpectedly"],
  ["Refused", "fatal: transport 'ext' not allowed"],
  ["Refused", "fatal: fsck error in packed object"],
  ["RefMissing", "fatal: couldn't find remote ref refs/heads/x"],
  ["RefMissing", "fatal: remote error: upload-pack: not our ref 1234"],
  ["Corrupt", "fatal: packed object 1234 (stored in ./objects/pack/x.pack) is corrupt"],
  [
    "Corrupt",
    "error: inflate: data stream error (incorrect header check)\nfatal: loose object 12 is corrupt",
  ],
  ["Corrupt", "fatal: not a git repository: '/mirror'"],
  ["Corrupt", "error: cannot lock ref 'refs/mat/x': Unable to create '/m/refs/mat/x.lock': File exists."],
  ["Transient", "something that nobody has seen before"],
  ["Transient", ""],
])("%s: %s", (kind, stderr) => {
  expect(failure(stderr).kind).toBe(kind);
});

test("a failure says which command failed, how, and what to do", () => {
  const error = failure("fatal: Authentication failed for 'https://example.org/x/'\n");
  expect(error).toMatchObject({
    name: "GitError",
    code: "GIT_AUTH_FAILED",
    message: "git fetch failed: fatal: Authentication failed for 'https://example.org/x/'",
  });
  expect(error.hint).toContain("git ls-remote");
  expect(failure("").message).toBe("git fetch failed: exit 128");
});

describe("the time to come back", () => {
  const now = new Date("2030-01-01T00:00:00Z");

  test.each([
    ["30", "2030-01-01T00:00:30.000Z"],
    ["Tue, 01 Jan 2030 00:10:00 GMT", "2030-01-01T00:10:00.000Z"],
    ["99999999", "2030-01-02T00:00:00.000Z"],
    ["Tue, 01 Jan 2019 00:10:00 GMT", undefined],
    ["soon", undefined],
    [undefined, undefined],
  ])("%s is %s", (header, expected) => {
    expect(retryTime(header, now)?.toISOString()).toBe(expected);
  });
});

describe("redaction", () => {
  test("takes secrets out in every form", () => {
    const secret = "p@ss/w rd";
    const redact = redactor([`ada:${secret}`, secret]);
    const forms = [
      secret,
      encodeURIComponent(secret),
      Buffer.from(`ada:${secret}`).toString("base64"),
      `https://ada:${secret}@example.org/x`,
    ];
    for (const form of forms) expect(redact(`fatal: ${form} failed`)).toMatch(/^fatal: \S*\*\*\*\S* failed$/);
  });

  test("takes out what looks like one, control characters and excess", () => {
    const redact = redactor([]);
    expect(redact("https://token@example.org/x")).toBe("https://***@example.org/x");
    expect(redact("Authorization: Basic abc\nnext")).toBe("Authorization: ***\nnext");
    expect(redact("a\u0000\u001b[31mb\r")).toBe("a [31mb");
    expect(redact("x".repeat(5_000))).toHaveLength(2_001);
  });
});
