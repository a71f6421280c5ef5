import { createHmac } from "node:crypto";
import { sign } from "@octokit/webhooks-methods";
import fc from "fast-check";
import { expect, test } from "vitest";
import { verifyHexHmac, verifyStandardWebhook, verifyToken } from "../../src/webhooks/signature.ts";

const bytes = fc.uint8Array({ maxLength: 200 });
const secret = fc.string({ minLength: 1, maxLength: 40 });

test("a body signed with any of the secrets is authentic, as GitHub's own library signs it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 1 }),
      fc.array(secret, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      async (body, secrets, n) => {
        const chosen = secrets[n % secrets.length] ?? "";
        const signature = (await sign(chosen, body)).replace("sha256=", "");
        expect(verifyHexHmac(signature, Buffer.from(body), secrets)).toBe("authentic");
        expect(verifyHexHmac(signature.toUpperCase(), Buffer.from(body), secrets)).toBe("authentic");
      },
    ),
  );
});

test("one changed bit of the body, of the signature or of the secret is a forgery", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), secret, fc.nat(), (body, key, n) => {
      const flip = (given: Uint8Array): Buffer => {
        const changed = Buffer.from(given);
        const at = n % changed.length;
        changed[at] = (changed[at] ?? 0) ^ (1 << (n % 8));
        return changed;
      };
      const signature = createHmac("sha256", key).update(body).digest();
      const hex = signature.toString("hex");
      expect(verifyHexHmac(hex, body, [key])).toBe("authentic");
      expect(verifyHexHmac(hex, flip(body), [key])).toBe("forged");
      expect(verifyHexHmac(flip(signature).toString("hex"), body, [key])).toBe("forged");
      expect(verifyHexHmac(hex, body, [`${key}x`])).toBe("forged");
    }),
  );
});

test("what is no signature is a forgery, and none at all is unsigned", () => {
  fc.assert(
    fc.property(fc.string(), bytes, (signature, body) => {
      expect(verifyHexHmac(signature, body, ["secret"])).toBe("forged");
    }),
  );
  expect(verifyHexHmac(undefined, Buffer.alloc(0), ["secret"])).toBe("unsigned");
  expect(verifyHexHmac("a".repeat(64), Buffer.alloc(0), [])).toBe("forged");
});

test("a token has to be one of the secrets, whole", () => {
  fc.assert(
    fc.property(secret, secret, (mine, other) => {
      expect(verifyToken(mine, [other, mine])).toBe("authentic");
      expect(verifyToken(`${mine}x`, [mine])).toBe("forged");
      expect(verifyToken(mine, [])).toBe("forged");
      if (mine !== other) expect(verifyToken(mine, [other])).toBe("forged");
    }),
  );
  expect(verifyToken(undefined, ["secret"])).toBe("unsigned");
  expect(verifyToken("", ["secret"])).toBe("unsigned");
});

const now = new Date("2026-03-01T12:00:00Z");
const key = Buffer.from("0123456789abcdef0123456789abcdef");
const token = `whsec_${key.toString("base64")}`;
const older = `whsec_${Buffer.from("fedcba9876543210fedcba9876543210").toString("base64")}`;

function signedAt(seconds: number, body: Uint8Array, id = "id-1") {
  const timestamp = String(seconds);
  const digest = createHmac("sha256", key)
    .update(Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]))
    .digest("base64");
  return { id, timestamp, signatures: `v1,${digest}`, body };
}

test("a standard webhook is authentic for five minutes around its time, and with any of its signatures and secrets", () => {
  fc.assert(
    fc.property(bytes, fc.integer({ min: -400, max: 400 }), (body, shift) => {
      const message = signedAt(now.getTime() / 1000 + shift, body);
      const expected = Math.abs(shift) <= 300 ? "authentic" : "outdated";
      expect(verifyStandardWebhook(message, [older, token], now)).toBe(expected);
      const rotated = {
        ...message,
        signatures: `v1,${Buffer.alloc(32).toString("base64")} v2,x ${message.signatures}`,
      };
      expect(verifyStandardWebhook(rotated, [token], now)).toBe(expected);
    }),
  );
});

test("id, time, body and secret of a standard webhook are all under its signature", () => {
  const message = signedAt(now.getTime() / 1000, Buffer.from("{}"));
  const verify = (change: Partial<typeof message>, secrets = [token]): string =>
    verifyStandardWebhook({ ...message, ...change }, secrets, now);
  expect(verify({})).toBe("authentic");
  expect(verify({ id: "id-2" })).toBe("forged");
  expect(verify({ timestamp: String(now.getTime() / 1000 + 1) })).toBe("forged");
  expect(verify({ body: Buffer.from("{ }") })).toBe("forged");
  expect(verify({ signatures: "" })).toBe("forged");
  expect(verify({ signatures: message.signatures.replace("v1", "v2") })).toBe("forged");
  expect(verify({}, [older])).toBe("forged");
  expect(verify({}, [])).toBe("forged");
});

test("a signed time that is no number is outdated, not authentic", () => {
  for (const timestamp of ["", "NaN", "1e3", "-1", "99999999999999"]) {
    const body = Buffer.from("{}");
    const digest = createHmac("sha256", key).update(`id-1.${timestamp}.{}`).digest("base64");
    const message = { id: "id-1", timestamp, signatures: `v1,${digest}`, body };
    expect(verifyStandardWebhook(message, [token], now)).toBe("outdated");
  }
});

test("nothing is authentic by a key that is empty, short or no base64", () => {
  const body = Buffer.from("{}");
  const timestamp = String(now.getTime() / 1000);
  const verify = (secret: string): string => {
    const bytes = Buffer.from(secret.replace("whsec_", ""), "base64");
    const digest = createHmac("sha256", bytes).update(`id-1.${timestamp}.{}`).digest("base64");
    return verifyStandardWebhook({ id: "id-1", timestamp, signatures: `v1,${digest}`, body }, [secret], now);
  };
  const ofBytes = (length: number): string => `whsec_${Buffer.alloc(length, 7).toString("base64")}`;
  for (const secret of ["whsec_", "whsec_***", `${token}!`, ofBytes(1), ofBytes(23)])
    expect(verify(secret), secret).toBe("forged");
  for (const secret of [ofBytes(24), ofBytes(32), ofBytes(64)]) expect(verify(secret)).toBe("authentic");
});
