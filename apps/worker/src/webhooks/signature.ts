import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** What the signature of a request is worth. */
export type Authenticity = "authentic" | "unsigned" | "forged" | "outdated";

/** HMAC-SHA256 of the bytes as they came, in hexadecimal; with two secrets either will do, so that they can be changed. */
export function verifyHexHmac(
  signature: string | undefined,
  body: Uint8Array,
  secrets: readonly string[],
): Authenticity {
  if (signature === undefined) return "unsigned";
  if (!/^[0-9a-f]{64}$/i.test(signature)) return "forged";
  const given = Buffer.from(signature, "hex");
  return some(secrets, (secret) => timingSafeEqual(given, hmac(secret, body))) ? "authentic" : "forged";
}

/** A secret that is itself sent. Digests are compared, so that the time taken does not tell the length either. */
export function verifyToken(token: string | undefined, secrets: readonly string[]): Authenticity {
  if (token === undefined || token === "") return "unsigned";
  const given = sha256(token);
  return some(secrets, (secret) => timingSafeEqual(given, sha256(secret))) ? "authentic" : "forged";
}

/** Seconds by which the clocks of a sender and of this machine may differ; standardwebhooks.com advises five minutes. */
const TOLERANCE_SECONDS = 300;

export interface SignedMessage {
  readonly id: string;
  readonly timestamp: string;
  /** One or more of `v1,<base64>`, with a space between them. */
  readonly signatures: string;
  readonly body: Uint8Array;
}

/**
 * Signatures of standardwebhooks.com: HMAC-SHA256 over `id.timestamp.body`, with a key that is written
 * `whsec_<base64>`. The time is looked at last: whoever cannot sign learns nothing about it.
 */
export function verifyStandardWebhook(
  { id, timestamp, signatures, body }: SignedMessage,
  secrets: readonly string[],
  now: Date,
): Authenticity {
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const given = signatures
    .split(" ")
    .filter((signature) => /^v1,[A-Za-z0-9+/]{43}=$/.test(signature))
    .map((signature) => Buffer.from(signature.slice("v1,".length), "base64"));
  const keys = secrets.flatMap(readKey);
  const authentic = some(keys, (key) => {
    const expected = hmac(key, signed);
    return some(given, (signature) => timingSafeEqual(signature, expected));
  });
  if (!authentic) return "forged";
  const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN;
  const age = Math.abs(now.getTime() / 1000 - seconds);
  return age <= TOLERANCE_SECONDS ? "authentic" : "outdated";
}

/** The shortest key that standardwebhooks.com allows, in bytes. */
export const SHORTEST_KEY = 24;

/** Whether this is a key by which {@link verifyStandardWebhook} can ever find a message authentic. */
export function isStandardWebhookKey(secret: string): boolean {
  return readKey(secret).length > 0;
}

/** No key where there is none to be read: what Node makes of other text is short or empty, and anybody could sign with it. */
function readKey(secret: string): Buffer[] {
  const text = secret.replace(/^whsec_/, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return [];
  const key = Buffer.from(text, "base64");
  return key.length < SHORTEST_KEY ? [] : [key];
}

/** Asks of every item, also after one fitted, so that the time taken does not tell which. */
function some<T>(items: readonly T[], fits: (item: T) => boolean): boolean {
  return items.map(fits).includes(true);
}

function hmac(key: string | Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac("sha256", key).update(bytes).digest();
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
