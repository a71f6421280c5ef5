import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  everyForge,
  fromBitbucketCloud,
  fromGitea,
  fromGithub,
  fromGitlab,
  fromSigningGitlab,
  secrets,
  send,
  type ForgeRequest,
} from "../support/forge-requests.ts";
import { openIntake, serveWebhooks, type Intake } from "../support/intake.ts";
import * as payloads from "./forge-payloads.ts";

const MAX_BYTES = 64 * 1024;
const BODY_MS = 400;

let intake: Intake;
let server: Awaited<ReturnType<typeof serveWebhooks>>;

beforeAll(async () => {
  const { webhooks, environment } = everyForge;
  intake = await openIntake({
    environment,
    webhooks: { ...webhooks, maxBodyBytes: MAX_BYTES, bodyTimeoutMs: BODY_MS },
  });
  server = await serveWebhooks(intake.context);
  await intake.register("handbook", "https://github.com/Team/Handbook.git");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await intake[Symbol.asyncDispose]();
});

/** What a refused webhook must not have changed. */
afterEach(async () => {
  const { rows } = await intake.db.query(
    `select (select count(*)::int from headstart_worker.deliveries) as deliveries,
            (select sum(hints)::int from headstart_materializer.repositories) as hints,
            (select count(*)::int from headstart_materializer.hints) as remembered`,
  );
  expect(rows).toEqual([{ deliveries: 0, hints: 0, remembered: 0 }]);
  const log = intake.logged.join("");
  for (const secret of Object.values(secrets)) expect(log).not.toContain(secret);
});

const push = payloads.githubPush("refs/heads/main");
const github = (change: Partial<ForgeRequest["headers"]> = {}, body?: Buffer): ForgeRequest => {
  const request = fromGithub("push", push);
  const headers = Object.fromEntries(
    Object.entries({ ...request.headers, ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  return { headers, body: body ?? request.body };
};

async function refusal(source: string, request: ForgeRequest): Promise<[number, string]> {
  const answer = await send(`${server.url}/webhooks/${source}`, request);
  const { error } = (await answer.json()) as { error: { code: string; message: string; hint?: string } };
  expect(error.message).not.toBe("");
  for (const secret of Object.values(secrets)) expect(JSON.stringify(error)).not.toContain(secret);
  return [answer.status, error.code];
}

test("a signature that is missing, wrong, of another secret or by an outdated method is refused", async () => {
  const without = await refusal("our-github", github({ "x-hub-signature-256": undefined }));
  expect(without).toEqual([401, "SIGNATURE_MISSING"]);
  for (const signature of [
    "",
    "sha256=",
    "sha256=zz",
    `sha256=${"0".repeat(64)}`,
    `sha1=${"0".repeat(40)}`,
  ]) {
    const [status, code] = await refusal("our-github", github({ "x-hub-signature-256": signature }));
    expect([status, code]).toEqual([401, "SIGNATURE_INVALID"]);
  }
  const other = fromGithub("push", push, { secret: secrets.gitea });
  expect(await refusal("our-github", other)).toEqual([401, "SIGNATURE_INVALID"]);
  expect(
    await refusal("our-gitea", fromGitea("push", payloads.giteaPush("refs/heads/main"), { secret: "other" })),
  ).toEqual([401, "SIGNATURE_INVALID"]);
  expect(
    await refusal(
      "our-gitlab",
      fromGitlab("Push Hook", payloads.gitlabPush("refs/heads/main"), { secret: "other" }),
    ),
  ).toEqual([401, "SIGNATURE_INVALID"]);
  expect(
    await refusal("our-cloud", fromBitbucketCloud("repo:push", payloads.cloudPush([]), { secret: "other" })),
  ).toEqual([401, "SIGNATURE_INVALID"]);
});

test("a body that was changed in any byte is refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (n, change) => {
      const { headers, body } = github();
      const changed = Buffer.from(body);
      changed[n % body.length] = (changed[n % body.length] ?? 0) ^ change;
      expect(await refusal("our-github", { headers, body: changed })).toEqual([401, "SIGNATURE_INVALID"]);
    }),
    { numRuns: 50 },
  );
});

test("a signing token is no secret token, and a secret token signs nothing", async () => {
  const asToken = fromGitlab("Push Hook", payloads.gitlabPush("refs/heads/main"), {
    secret: secrets.gitlabSigning,
  });
  expect(await refusal("our-gitlab", asToken)).toEqual([401, "SIGNATURE_INVALID"]);
  const signed = fromSigningGitlab("Push Hook", payloads.gitlabPush("refs/heads/main"));
  const forged = { ...signed.headers, "webhook-signature": `v1,${Buffer.alloc(32).toString("base64")}` };
  // Also with the right token beside it: where both are known, the signature counts.
  const both = { ...forged, "x-gitlab-token": secrets.gitlab };
  expect(await refusal("our-gitlab", { headers: both, body: signed.body })).toEqual([
    401,
    "SIGNATURE_INVALID",
  ]);
  const { "webhook-signature": _, ...unsigned } = signed.headers;
  expect(await refusal("our-gitlab", { headers: unsigned, body: signed.body })).toEqual([
    401,
    "SIGNATURE_MISSING",
  ]);
});

test("what was signed more than five minutes ago or ahead is refused, also as a first delivery", async () => {
  for (const minutes of [-6, 6]) {
    const at = new Date(Date.now() + minutes * 60_000);
    const request = fromSigningGitlab("Push Hook", payloads.gitlabPush("refs/heads/main"), { at });
    expect(await refusal("our-gitlab", request)).toEqual([401, "TIMESTAMP_OUTDATED"]);
  }
  const request = fromSigningGitlab("Push Hook", payloads.gitlabPush("refs/heads/main"));
  for (const header of ["webhook-id", "webhook-timestamp"]) {
    const headers = { ...request.headers, [header]: "1" };
    expect(await refusal("our-gitlab", { headers, body: request.body })).toEqual([401, "SIGNATURE_INVALID"]);
  }
});

test("other paths and methods are refused, whoever asks", async () => {
  for (const source of ["nobody", "constructor", "__proto__", "toString", "%2e%2e", "a%00b"]) {
    const [status] = await refusal(source, github());
    expect([source, status]).toEqual([source, 404]);
  }
  for (const method of ["GET", "PUT", "DELETE"]) {
    const answer = await fetch(`${server.url}/webhooks/our-github`, { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  }
});

test("another content type, charset or encoding is refused, and the answer says what to set", async () => {
  for (const type of [
    undefined,
    "text/plain",
    "text/json",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
  ]) {
    expect(await refusal("our-github", github({ "content-type": type }))).toEqual([
      415,
      "CONTENT_TYPE_UNSUPPORTED",
    ]);
  }
  expect(await refusal("our-github", github({ "content-encoding": "gzip" }))).toEqual([
    415,
    "CONTENT_ENCODING_UNSUPPORTED",
  ]);
  const form = fromGitea("push", "payload=%7B%7D");
  const headers = { ...form.headers, "content-type": "application/x-www-form-urlencoded" };
  const answer = await send(`${server.url}/webhooks/our-gitea`, { headers, body: form.body });
  expect(await answer.json()).toMatchObject({
    error: { hint: "Set the webhook's content type to application/json." },
  });
});

test("headers that name no event or no delivery are refused", async () => {
  expect(await refusal("our-github", github({ "x-github-event": undefined }))).toEqual([
    400,
    "EVENT_MISSING",
  ]);
  expect(
    await refusal("our-github", fromGitlab("Push Hook", payloads.gitlabPush("refs/heads/main"))),
  ).toEqual([400, "EVENT_MISSING"]);
  expect(await refusal("our-github", github({ "x-github-delivery": undefined }))).toEqual([
    400,
    "DELIVERY_ID_INVALID",
  ]);
  for (const id of ["", "a b", "x".repeat(201), "é"])
    expect(await refusal("our-github", github({ "x-github-delivery": id }))).toEqual([
      400,
      "DELIVERY_ID_INVALID",
    ]);
});

test("a signed body that is no UTF-8, no JSON or no push is refused", async () => {
  const cases: [Buffer | string, number, string][] = [
    [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400, "ENCODING_INVALID"],
    [Buffer.from(JSON.stringify(push), "utf16le"), 400, "JSON_INVALID"],
    ["", 400, "JSON_INVALID"],
    ["{", 400, "JSON_INVALID"],
    [`${JSON.stringify(push)}x`, 400, "JSON_INVALID"],
    ["[".repeat(30_000), 400, "JSON_INVALID"],
    ["null", 422, "PAYLOAD_INVALID"],
    ["[]", 422, "PAYLOAD_INVALID"],
    ["{}", 422, "PAYLOAD_INVALID"],
    [JSON.stringify({ ...push, ref: 5 }), 422, "PAYLOAD_INVALID"],
    [JSON.stringify({ ...push, ref: "refs/heads/a\0b" }), 422, "PAYLOAD_INVALID"],
    [JSON.stringify({ ...push, ref: `refs/heads/${"x".repeat(2000)}` }), 422, "PAYLOAD_INVALID"],
    [JSON.stringify({ ...push, repository: "handbook" }), 422, "PAYLOAD_INVALID"],
    [`{"__proto__": ${JSON.stringify(push)}}`, 422, "PAYLOAD_INVALID"],
  ];
  for (const [body, status, code] of cases)
    expect([body.length, ...(await refusal("our-github", fromGithub("push", body)))]).toEqual([
      body.length,
      status,
      code,
    ]);
  const form = fromGithub("push", "nothing=1", { type: "application/x-www-form-urlencoded" });
  expect(await refusal("our-github", form)).toEqual([400, "JSON_INVALID"]);
});

test("a body that announces too much is refused before it is sent", async () => {
  const answer = await exchange(`${head({ "content-length": String(MAX_BYTES + 1), expect: "" })}\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain("BODY_TOO_LARGE");
});

test("a body that does not say its size is refused as soon as it is too large", async () => {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  let answer = "";
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const heard = new Promise<void>((resolve) => {
    socket.on("data", (bytes) => {
      answer += String(bytes);
      if (answer.includes("BODY_TOO_LARGE")) resolve();
    });
  });
  socket.on("error", () => undefined);
  socket.write(`${head({ "transfer-encoding": "chunked" })}\r\n\r\n`);
  const chunk = Buffer.from(`4000\r\n${"x".repeat(0x4000)}\r\n`);
  let sent = 0;
  // Sends for ever, until there is an answer.
  while (!answer.includes("BODY_TOO_LARGE") && socket.writable) {
    sent += chunk.length;
    const drained = new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
    await Promise.race([drained, heard, closed]);
    await turn();
  }
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(sent).toBeLessThan(100 * MAX_BYTES);
});

test("a body that stalls is answered and hung up on, and one that breaks off is forgotten", async () => {
  const began = performance.now();
  const stalled = await exchange(`${head({ "content-length": "1000" })}\r\n\r\n{"ref":`);
  expect(stalled).toMatch(/^HTTP\/1\.1 408 /);
  expect(stalled).toContain("BODY_TOO_SLOW");
  expect(performance.now() - began).toBeLessThan(BODY_MS + 5_000);
  const counted = async (): Promise<number> =>
    (await intake.metric('headstart_worker_webhooks_total{forge="github",outcome="BODY_INCOMPLETE"}')) ?? 0;
  const before = await counted();
  const arrived = once(server.server, "request");
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(`${head({ "content-length": "1000" })}\r\n\r\n{"ref":`);
  await arrived;
  socket.destroy();
  await expect.poll(counted, { timeout: 30_000 }).toBe(before + 1);
});

test("a body that trickles in is given up after the same time", async () => {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  let answer = "";
  socket.on("data", (bytes) => (answer += String(bytes)));
  socket.on("error", () => undefined);
  socket.write(`${head({ "content-length": "1000" })}\r\n\r\n`);
  const trickle = setInterval(() => socket.write("x"), 20);
  await once(socket, "close");
  clearInterval(trickle);
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
});

test("many large bodies at once are turned away with a time to come again, and none is kept in memory", async () => {
  const { webhooks, environment } = everyForge;
  await using patient = await openIntake({
    environment,
    webhooks: { ...webhooks, maxBodyBytes: MAX_BYTES, bodyTimeoutMs: 60_000 },
  });
  await using busy = await serveWebhooks(patient.context);
  let turnedAway = 0;
  const sockets = Array.from({ length: 8 }, () => {
    const socket = connect(Number(new URL(busy.url).port), "127.0.0.1");
    let answer = "";
    socket.on("data", (bytes) => {
      answer += String(bytes);
      if (/^HTTP\/1\.1 503 .*retry-after: 5.*"BUSY"/is.test(answer)) turnedAway += 1;
    });
    socket.on("error", () => undefined);
    socket.write(`${head({ "content-length": String(MAX_BYTES) })}\r\n\r\n`);
    socket.write(Buffer.alloc(MAX_BYTES - 1, "x"));
    return socket;
  });
  // Four of the largest are read at the same time; they never end, and nobody waits for them.
  await expect.poll(() => turnedAway, { timeout: 30_000 }).toBe(4);
  for (const socket of sockets) socket.destroy();
  const metric = 'headstart_worker_webhooks_total{forge="github",outcome="BODY_INCOMPLETE"}';
  await expect.poll(async () => await patient.metric(metric), { timeout: 30_000 }).toBe(4);
  const later = await send(
    `${busy.url}/webhooks/our-github`,
    fromGithub("push", Buffer.alloc(MAX_BYTES, " ")),
  );
  expect([later.status, await later.json()]).toMatchObject([400, { error: { code: "JSON_INVALID" } }]);
});

/** The head of a webhook of GitHub, for sockets that then misbehave. */
function head(more: Record<string, string>): string {
  const { headers } = github();
  const lines = Object.entries({ ...headers, host: "127.0.0.1", ...more }).filter(
    ([, value]) => value !== "",
  );
  return ["POST /webhooks/our-github HTTP/1.1", ...lines.map(([name, value]) => `${name}: ${value}`)].join(
    "\r\n",
  );
}

/** Sends what is given, and reads until the server hangs up. */
async function exchange(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  let answer = "";
  socket.on("data", (data) => (answer += String(data)));
  socket.on("error", () => undefined);
  socket.write(bytes);
  await once(socket, "close");
  return answer;
}
