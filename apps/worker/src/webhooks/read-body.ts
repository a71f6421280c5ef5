import { Refusal } from "./refusal.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Bytes of all bodies that are being read here, so that many senders together cannot fill the memory either. */
export interface BodyBudget {
  readonly maxBytes: number;
  used: number;
}

/**
 * Reads a body whose sender is not yet known: never more than it may have, and not for longer.
 *
 * @throws Refusal `BODY_TOO_LARGE`, `BODY_TOO_SLOW`, `BODY_INCOMPLETE`, `BUSY`
 */
export async function readBody(request: Request, limits: BodyLimits, budget: BodyBudget): Promise<Buffer> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > limits.maxBytes) throw tooLarge(limits);
  if (request.body === null) return Buffer.alloc(0);
  const reader = request.body.getReader();
  const late = deadline(limits);
  const taken = { bytes: 0 };
  try {
    return await Promise.race([collect(reader, { limits, budget, taken }), late.promise]);
  } finally {
    late.clear();
    budget.used -= taken.bytes;
    // Whatever still arrives is too much. It is not cancelled, which would cut the connection before the answer is read:
    // the server reads on for a moment, and then hangs up.
    taken.bytes = Number.POSITIVE_INFINITY;
  }
}

interface Collecting {
  readonly limits: BodyLimits;
  readonly budget: BodyBudget;
  readonly taken: { bytes: number };
}

async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { limits, budget, taken }: Collecting,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new Refusal("BODY_INCOMPLETE", "The connection ended before the body did.", { cause });
    });
    if (done) return Buffer.concat(chunks);
    if (taken.bytes + value.byteLength > limits.maxBytes) throw tooLarge(limits);
    taken.bytes += value.byteLength;
    budget.used += value.byteLength;
    if (budget.used > budget.maxBytes)
      throw new Refusal("BUSY", "Too many large bodies arrive at the same time.", {
        hint: "Send it again in a moment.",
      });
    chunks.push(value);
  }
}

function deadline({ timeoutMs }: BodyLimits): { promise: Promise<never>; clear: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Refusal("BODY_TOO_SLOW", `The body did not arrive within ${timeoutMs} ms.`)),
      timeoutMs,
    );
  });
  return { promise, clear: () => clearTimeout(timer) };
}

function tooLarge({ maxBytes }: BodyLimits): Refusal {
  return new Refusal("BODY_TOO_LARGE", `The body is larger than ${maxBytes} bytes.`, {
    hint: "Let the forge send push events only, or raise webhooks.maxBodyBytes.",
  });
}
