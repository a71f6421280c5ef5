/** Why a webhook is refused, by stable code. Nothing is recorded of a refused one. */
export type RefusalCode =
  | "SOURCE_UNKNOWN"
  | "METHOD_NOT_ALLOWED"
  | "CONTENT_TYPE_UNSUPPORTED"
  | "CONTENT_ENCODING_UNSUPPORTED"
  | "BODY_TOO_LARGE"
  | "BODY_TOO_SLOW"
  | "BODY_INCOMPLETE"
  | "EVENT_MISSING"
  | "DELIVERY_ID_INVALID"
  | "SIGNATURE_MISSING"
  | "SIGNATURE_INVALID"
  | "TIMESTAMP_OUTDATED"
  | "ENCODING_INVALID"
  | "JSON_INVALID"
  | "PAYLOAD_INVALID"
  | "BUSY"
  | "DATABASE_UNAVAILABLE";

export const refusalStatuses = {
  SOURCE_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  CONTENT_TYPE_UNSUPPORTED: 415,
  CONTENT_ENCODING_UNSUPPORTED: 415,
  BODY_TOO_LARGE: 413,
  BODY_TOO_SLOW: 408,
  BODY_INCOMPLETE: 400,
  EVENT_MISSING: 400,
  DELIVERY_ID_INVALID: 400,
  SIGNATURE_MISSING: 401,
  SIGNATURE_INVALID: 401,
  TIMESTAMP_OUTDATED: 401,
  ENCODING_INVALID: 400,
  JSON_INVALID: 400,
  PAYLOAD_INVALID: 422,
  BUSY: 503,
  DATABASE_UNAVAILABLE: 503,
} as const satisfies Record<RefusalCode, number>;

/** The answer to a webhook that is not taken: what is wrong, and which setting of the forge mends it. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly hint: string | undefined;

  constructor(code: RefusalCode, message: string, { hint, cause }: { hint?: string; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Refusal";
    this.code = code;
    this.hint = hint;
  }

  get status(): (typeof refusalStatuses)[RefusalCode] {
    return refusalStatuses[this.code];
  }
}
