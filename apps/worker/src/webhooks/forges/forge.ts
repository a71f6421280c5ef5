import type { Authenticity } from "../signature.ts";

/** What a payload says, as far as it matters here: a hint, and never the commit to project. */
export type Reading =
  | {
      readonly kind: "hint";
      /** Where the repository is, by every address the payload names. */
      readonly locations: readonly string[];
      /** Full names of branches; empty when every branch has to be looked at. */
      readonly refs: readonly string[];
      readonly pushedBy: string | undefined;
      /** The body says when it was made, so that an equal one is the same delivery. */
      readonly dated: boolean;
    }
  | { readonly kind: "ignored"; readonly reason: string; readonly locations: readonly string[] }
  | { readonly kind: "ping" };

/** A request's headers; names are in lower case. */
export type ReadHeader = (name: string) => string | undefined;

export interface SignedRequest {
  readonly header: ReadHeader;
  /** The bytes as they came. */
  readonly body: Uint8Array;
  readonly now: Date;
}

/** What one kind of forge sends. Everything in it comes from outside, and is believed once it is authentic. */
export interface Forge {
  /** Its name as people write it. */
  readonly title: string;
  /** Headers of which the first that is there names the event. */
  readonly eventHeaders: readonly string[];
  /** The sender's id of a delivery, the same when it is sent again. */
  delivery(request: SignedRequest): string | undefined;
  authenticate(request: SignedRequest, secrets: readonly string[]): Authenticity;
  /** Whether an event is answered although nobody signed it, because the forge never signs it and nothing comes of it. */
  answersUnsigned?(event: string): boolean;
  /** Whether bodies may come as a form's field `payload`. */
  readonly form?: boolean;
  /** What a secret lacks to be one that the forge could ever sign with, in words; undefined when nothing. */
  lacks?(secret: string): string | undefined;
  /** Which setting of the forge mends a signature that is missing or wrong. */
  readonly secretHint: string;
  /** @throws ZodError when a payload that matters is not as documented */
  read(event: string, payload: unknown): Reading;
}
