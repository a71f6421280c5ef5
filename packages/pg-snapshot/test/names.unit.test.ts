import fc from "fast-check";
import { expect, test } from "vitest";
import { cloneName, keptCloneName, newOwnerId, ownerOf, scratchName, templateName } from "../src/names.ts";

const digest = "a".repeat(64);

test("every name fits into the 63 bytes that Postgres keeps, whatever the target is called", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (target) => {
      const owner = newOwnerId();
      for (const name of [
        templateName(target, digest, "me"),
        scratchName(owner, target),
        cloneName(owner, target),
        keptCloneName(target),
      ]) {
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
        expect(name).toMatch(/^hs_[tbck]_[a-z0-9_]+$/);
      }
    }),
  );
});

test("targets that look alike have templates of their own", () => {
  const names = ["a", "A", "a ", 'a"', "a".repeat(200), "a".repeat(201), "ä"].map((t) =>
    templateName(t, digest, "me"),
  );
  expect(new Set(names).size).toBe(names.length);
});

test("target and digest cannot be shifted into each other", () => {
  expect(templateName("a", "b,c", "me")).not.toBe(templateName("a,b", "c", "me"));
});

test("the same target and content have the same template everywhere", () => {
  expect(templateName("canvases", digest, "me")).toBe(
    "hs_t_canvases_" + templateName("canvases", digest, "me").slice(14),
  );
  expect(templateName("canvases", digest, "me")).toBe(templateName("canvases", digest, "me"));
});

test("each role has templates of its own", () => {
  expect(templateName("x", digest, "alice")).not.toBe(templateName("x", digest, "bob"));
});

test("a database's owner is read from its name, and from no other name", () => {
  const owner = newOwnerId();
  expect(ownerOf(scratchName(owner, "x"))).toEqual({ kind: "scratch", owner });
  expect(ownerOf(cloneName(owner, "x"))).toEqual({ kind: "clone", owner });
  expect(ownerOf(templateName("x", digest, "me"))).toBeUndefined();
  expect(ownerOf(keptCloneName("x"))).toBeUndefined();
  expect(ownerOf("hs_b_short_x")).toBeUndefined();
  expect(ownerOf("production")).toBeUndefined();
});
