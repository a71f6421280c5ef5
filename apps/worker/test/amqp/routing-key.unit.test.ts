import fc from "fast-check";
import { expect, test } from "vitest";
import { routingKey } from "../../src/amqp/routing-key.ts";

test.each([
  ["handbook", "refs/heads/main", "version-updated.handbook.main"],
  ["team/handbook", "refs/heads/drafts/a-b_c", "version-updated.team/handbook.drafts/a-b_c"],
  ["hand.book", "refs/heads/v1.2", "version-updated.hand%2Ebook.v1%2E2"],
  ["*", "refs/heads/#", "version-updated.%2A.%23"],
  ["ü", "refs/heads/a b", "version-updated.%C3%BC.a%20b"],
])("%s and %s are published as %s", (repository, branch, key) => {
  expect(routingKey({ repository, branch })).toBe(key);
});

const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }),
  fc.string({ minLength: 1, maxLength: 40 }),
  fc
    .array(fc.constantFrom("a", ".", "*", "#", "%", "~", "/", "é", "%2E"), { minLength: 1, maxLength: 400 })
    .map((parts) => parts.join("")),
);

test("a key is three words without wildcards, fits a short string, and is never another branch's", () => {
  const keys = new Map<string, string>();
  fc.assert(
    fc.property(name, name, (repository, short) => {
      const key = routingKey({ repository, branch: `refs/heads/${short}` });
      expect(Buffer.byteLength(key)).toBeLessThanOrEqual(255);
      expect(key).toMatch(/^version-updated\.[^.*#\s]+\.[^.*#\s]+$/);
      const place = JSON.stringify([repository, short]);
      expect(keys.get(key) ?? place).toBe(place);
      keys.set(key, place);
    }),
    { numRuns: 3_000 },
  );
});

test("long names that begin alike stay apart", () => {
  const keys = [1, 2].map((n) =>
    routingKey({ repository: "é".repeat(200) + n, branch: `refs/heads/${"x".repeat(900)}${n}` }),
  );
  expect(new Set(keys).size).toBe(2);
  for (const key of keys) expect(Buffer.byteLength(key)).toBeLessThanOrEqual(255);
});
