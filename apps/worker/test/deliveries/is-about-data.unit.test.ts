import { MaterializerError } from "@headstart/materializer";
import { expect, test } from "vitest";
import { isAboutData } from "../../src/deliveries/is-about-data.ts";

const withCode = (code: string): Error => Object.assign(new Error(code), { code });

test("what Postgres or the materializer refuses is about a delivery", () => {
  for (const code of ["22P05", "23505", "P0001", "42501"])
    expect(isAboutData(withCode(code)), code).toBe(true);
  expect(isAboutData(new MaterializerError("MESSAGE_INVALID", "no repository"))).toBe(true);
});

test("a connection that breaks, a server that ends and a defect are about none", () => {
  const broken = ["EPIPE", "ECONNRESET", "ETIMEDOUT", "ERR_STREAM_DESTROYED", "ERR_SSL_WRONG_VERSION"];
  for (const code of [...broken, "08006", "25006", "40001", "53300", "57P01", "58030", "XX000"])
    expect(isAboutData(withCode(code)), code).toBe(false);
  for (const error of [new TypeError("a defect"), "text", 7, {}]) expect(isAboutData(error)).toBe(false);
});
