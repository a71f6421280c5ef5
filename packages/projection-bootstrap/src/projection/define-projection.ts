import type { z } from "zod";
import { ProjectionError } from "../errors.ts";
import type { StoredEvent } from "../log/event-log.ts";
import type { Upcaster } from "./upcast.ts";

export interface ApplyContext<State> {
  /** The row that the event is applied to. */
  readonly key: string;
  /** Another row of the projection, named by `reads`, whichever rows the event changes; undefined when there is none. */
  readonly get: (key: string) => State | undefined;
}

export interface ProjectionDefinition<State, Event extends StoredEvent = StoredEvent> {
  /** Lower-case letters, digits, `-` and `_`; names the rows, the view over them, and the model's part. */
  readonly name: string;
  /**
   * `import.meta.url` of the file that defines the projection. Its code and everything it imports from the project
   * is the projector's identity, so that rows are never served by other code than made them.
   */
  readonly source?: string | undefined;
  /** The identity itself, for code that cannot be read at run time; takes the place of `source`. */
  readonly identity?: string | undefined;
  /** Types of event that matter, after upcasting. @default all */
  readonly types?: readonly string[] | undefined;
  /**
   * Rows that an event changes; none with undefined. A key says everything that it depends on, scope included. It
   * follows from the event alone, and with `inline` not from its position, which it has only once it is written.
   * 1 to 2600 bytes, without NUL and without half of a surrogate pair.
   */
  readonly key: (event: Event) => string | readonly string[] | undefined;
  /**
   * Other rows that `apply` looks at through `get`. With `inline`, a transaction of the caller's that changes rows of
   * this projection is refused once another one that began to write later has appended anything. @default none
   */
  readonly reads?: ((event: Event) => readonly string[]) | undefined;
  /** What a row may be; stored rows that are anything else are isolated. */
  readonly schema: z.ZodType<State>;
  /** A row before its first event. */
  readonly init: (key: string) => State;
  /** The row after the event, or undefined when it is gone. Pure: it changes nothing that it was given. */
  readonly apply: (state: State, event: Event, context: ApplyContext<State>) => State | undefined;
  readonly upcasters?: readonly Upcaster[] | undefined;
  /**
   * `inline` applies events in the transaction that appends them. @default "async": a runner applies them soon after
   */
  readonly mode?: "async" | "inline" | undefined;
}

declare const stateOf: unique symbol;

/** A definition that was checked; what every other function takes. `State` is what the model's rows are. */
export interface Projection<State = unknown> {
  readonly name: string;
  readonly mode: "async" | "inline";
  /** The fold treats states as opaque; only the definition's own functions know them. */
  readonly definition: ProjectionDefinition<unknown>;
  readonly [stateOf]?: State;
}

/**
 * Defines a read model: how events fold into rows. The same fold runs at boot, in the background, inside appends,
 * in rebuilds and in verification.
 *
 * @throws {ProjectionError} `OPTION_INVALID`
 */
export function defineProjection<State, Event extends StoredEvent = StoredEvent>(
  definition: ProjectionDefinition<State, Event>,
): Projection<State> {
  const { name, source, identity, mode = "async" } = definition;
  if (!/^[a-z][a-z0-9_-]{0,47}$/.test(name)) {
    throw new ProjectionError("OPTION_INVALID", `${JSON.stringify(name)} cannot name a projection`, {
      hint: "use up to 48 lower-case letters, digits, - and _, a letter first",
    });
  }
  if ((source === undefined) === (identity === undefined)) {
    throw new ProjectionError("OPTION_INVALID", `projection ${name} needs one of source and identity`, {
      hint: "pass { source: import.meta.url }",
    });
  }
  return { name, mode, definition: definition as unknown as ProjectionDefinition<unknown> };
}
