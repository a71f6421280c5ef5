import { createHash } from "node:crypto";
import { z } from "zod";
import { recordDeliveries, type Delivery, type Recorded } from "../deliveries/record-deliveries.ts";
import type { WorkerContext } from "../worker-context.ts";
import { bodyForm, decodePayload } from "./decode-payload.ts";
import type { Forge, Reading, SignedRequest } from "./forges/forge.ts";
import { forges } from "./forges/forges.ts";
import { readBody, type BodyBudget } from "./read-body.ts";
import { Refusal } from "./refusal.ts";
import type { WebhooksConfig } from "./webhooks-config.ts";

/** What is answered to a webhook that was taken. */
export interface Receipt {
  readonly outcome: "taken" | "ignored" | "repeated" | "pong";
  readonly event: string;
  readonly message: string;
}

type Source = WebhooksConfig["sources"][string] & { readonly name: string };

/**
 * Takes one webhook: who sent it is known before a byte of it is interpreted, and what it says is durable before it is
 * answered. Nothing else is done here, since forges give up after seconds and few of them send again.
 *
 * @throws Refusal, and then nothing has changed
 */
export async function receiveWebhook(
  context: WorkerContext,
  { request, source, budget }: { request: Request; source: Source; budget: BodyBudget },
): Promise<Receipt> {
  const forge = forges[source.forge];
  const { maxBodyBytes: maxBytes, bodyTimeoutMs: timeoutMs } = context.config.webhooks;
  const form = bodyForm(request.headers, { form: forge.form === true });
  const event = eventOf(forge, request.headers);
  const body = await readBody(request, { maxBytes, timeoutMs }, budget);
  const signed: SignedRequest = {
    header: (name) => request.headers.get(name) ?? undefined,
    body,
    now: new Date(),
  };
  const secrets = await Promise.all(source.secrets.map(async (secret) => await context.secrets.read(secret)));
  const authenticity = forge.authenticate(signed, secrets);
  if (authenticity === "unsigned" && forge.answersUnsigned?.(event) === true)
    return {
      outcome: "pong",
      event,
      message: `Reachable. ${forge.title} does not sign this test: a push will show whether the secret fits.`,
    };
  if (authenticity !== "authentic") throw notAuthentic(authenticity, forge);
  const delivery = deliveryOf(forge, signed);
  const reading = readPayload(forge, event, decodePayload(body, form));
  const row = toDelivery(reading, { source: source.name, delivery, event, body });
  const recorded = await record(context, row);
  return receiptOf(reading, recorded, event);
}

function eventOf({ title, eventHeaders }: Forge, headers: Headers): string {
  const event = eventHeaders.map((name) => headers.get(name)).find((value) => value !== null);
  if (event !== undefined && event !== null && /^[\x20-\x7e]{1,100}$/.test(event)) return event;
  throw new Refusal("EVENT_MISSING", `The header ${eventHeaders.at(-1)} is missing.`, {
    hint: `This path takes webhooks of ${title}. Another forge needs a source of its own.`,
  });
}

function deliveryOf(forge: Forge, signed: SignedRequest): string {
  const delivery = forge.delivery(signed);
  if (delivery !== undefined && /^[\x21-\x7e]{1,200}$/.test(delivery)) return delivery;
  throw new Refusal(
    "DELIVERY_ID_INVALID",
    "The header with the id of the delivery is missing or not an id.",
    {
      hint: `Let proxies pass the headers of ${forge.title} on.`,
    },
  );
}

function notAuthentic(
  authenticity: "unsigned" | "forged" | "outdated",
  { secretHint: hint }: Forge,
): Refusal {
  switch (authenticity) {
    case "unsigned":
      return new Refusal("SIGNATURE_MISSING", "The webhook is not signed.", { hint });
    case "forged":
      return new Refusal("SIGNATURE_INVALID", "The signature does not fit the body and the secret.", {
        hint,
      });
    case "outdated":
      return new Refusal("TIMESTAMP_OUTDATED", "The webhook was signed more than five minutes ago.", {
        hint: "Compare the clocks of both machines.",
      });
  }
}

function readPayload(forge: Forge, event: string, payload: unknown): Reading {
  try {
    return forge.read(event, payload);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new Refusal(
      "PAYLOAD_INVALID",
      `This is no ${event} of ${forge.title}.\n${z.prettifyError(error)}`,
      {
        hint: "Check which kind of webhook the forge was told to send.",
      },
    );
  }
}

function toDelivery(
  reading: Reading,
  { body, ...facts }: { source: string; delivery: string; event: string; body: Uint8Array },
): Delivery {
  if (reading.kind === "ping") return { ...facts, outcome: "ignored", reason: "a test of the connection" };
  const { locations } = reading;
  if (reading.kind === "ignored") return { ...facts, outcome: "ignored", reason: reading.reason, locations };
  if (locations.length === 0)
    return { ...facts, outcome: "ignored", reason: "the payload names no repository by an address" };
  const { refs, pushedBy, dated } = reading;
  const bodyDigest = dated ? createHash("sha256").update(body).digest("hex") : undefined;
  return { ...facts, outcome: "pending", locations, refs, pushedBy, bodyDigest };
}

/** Forges wait ten seconds at most; whoever hears nothing by then cannot know whether to send again. */
const RECORD_MS = 8_000;

async function record(context: WorkerContext, delivery: Delivery): Promise<Recorded> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${RECORD_MS} ms`)), RECORD_MS);
  });
  const recording = recordDeliveries(context.db, [delivery]);
  recording.catch(() => undefined);
  try {
    const [recorded = "recorded"] = await Promise.race([recording, late]);
    if (delivery.outcome === "pending" && recorded !== "repeated") context.bells.deliveries.ring();
    return recorded;
  } catch (cause) {
    throw new Refusal("DATABASE_UNAVAILABLE", "The webhook cannot be stored at the moment.", {
      cause,
      hint: "Send it again in a moment. Without that, polling finds what has changed.",
    });
  } finally {
    clearTimeout(timer);
  }
}

function receiptOf(reading: Reading, recorded: Recorded, event: string): Receipt {
  if (recorded === "repeated")
    return { outcome: "repeated", event, message: "This delivery was taken before." };
  if (reading.kind === "ping") return { outcome: "pong", event, message: "The webhook works." };
  if (reading.kind === "ignored") return { outcome: "ignored", event, message: reading.reason };
  return { outcome: "taken", event, message: "The repository will be looked at, if it is registered here." };
}
