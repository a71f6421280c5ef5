import { expect, test } from "vitest";
import { closest, didYouMean } from "../src/suggest.ts";

test("the nearest word is suggested when it is near", () => {
  expect(closest("canvasses", ["canvases", "events"])).toBe("canvases");
  expect(closest("evnets", ["canvases", "events"])).toBe("events");
  expect(closest("ENVIRONMENT", ["environment"])).toBe("environment");
  expect(closest("apo", ["app"])).toBe("app");
});

test("a word that is far away is not", () => {
  expect(closest("zebra", ["canvases", "events"])).toBeUndefined();
  expect(didYouMean("zebra", [])).toBe("");
});
