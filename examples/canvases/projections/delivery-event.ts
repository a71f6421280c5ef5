import type { StoredEvent } from "@headstart/projection-bootstrap";

/** An event of the log, as `projections.config.ts` reads it. */
export type DeliveryEvent = StoredEvent<{
  /** Id of the repository; null for what is about none. */
  readonly repository: number | null;
  /** What `delivery_data` takes from the delivery. */
  readonly facts: Readonly<Record<string, unknown>>;
}>;

/** A fact that is a text; undefined when it is absent. */
export function textFact({ data }: DeliveryEvent, name: string): string | undefined {
  const value = data.facts[name];
  return typeof value === "string" ? value : undefined;
}
