import { Refusal } from "./refusal.ts";

/** How a body has to be read, as its headers say. */
export type BodyForm = "json" | "form";

const jsonHint = "Set the webhook's content type to application/json.";

/**
 * Looks at the headers only, so that it can refuse before the body is read.
 *
 * @throws Refusal `CONTENT_TYPE_UNSUPPORTED`, `CONTENT_ENCODING_UNSUPPORTED`
 */
export function bodyForm(headers: Headers, { form }: { form: boolean }): BodyForm {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "") {
    throw new Refusal("CONTENT_ENCODING_UNSUPPORTED", "The body is compressed.", {
      hint: "Send it without Content-Encoding.",
    });
  }
  const [type = "", ...parameters] = (headers.get("content-type") ?? "")
    .split(";")
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => /^charset=/i.test(parameter))?.slice("charset=".length);
  if (charset !== undefined && !/^"?(utf-?8|us-ascii)"?$/i.test(charset)) {
    throw new Refusal("CONTENT_TYPE_UNSUPPORTED", "The body is in another charset than UTF-8.", {
      hint: jsonHint,
    });
  }
  if (/^application\/(json|[\w.+-]+\+json)$/i.test(type)) return "json";
  if (/^application\/x-www-form-urlencoded$/i.test(type) && form) return "form";
  throw new Refusal("CONTENT_TYPE_UNSUPPORTED", "The body is not sent as JSON.", { hint: jsonHint });
}

/**
 * Reads the payload of a body whose signature was checked.
 *
 * @throws Refusal `ENCODING_INVALID`, `JSON_INVALID`
 */
export function decodePayload(body: Uint8Array, form: BodyForm): unknown {
  const text = form === "json" ? decodeUtf8(body) : payloadField(decodeUtf8(body));
  try {
    return JSON.parse(text);
  } catch {
    // The parser's words quote the body.
    throw new Refusal("JSON_INVALID", "The payload is not JSON.", { hint: jsonHint });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal("ENCODING_INVALID", "The body is not UTF-8.");
  }
}

/** https://docs.github.com/webhooks/webhook-events-and-payloads: with the other content type, JSON in a form's field. */
function payloadField(body: string): string {
  const payload = new URLSearchParams(body).get("payload");
  if (payload === null)
    throw new Refusal("JSON_INVALID", "The form has no field payload.", { hint: jsonHint });
  return payload;
}
