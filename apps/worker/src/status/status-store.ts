import { randomUUID } from "node:crypto";
import { Recent } from "./recent.ts";
import type { Collections, Health, Singles } from "./status-schema.ts";

/** Revisions that a viewer can be behind and still be told the difference. */
const REMEMBERED = 2_000;

/** Changes that are kept encoded: viewers that keep up ask for one or two, and each may be megabytes. */
const FRAMES = 16;

/** A change of more rows than this and than one part in so many of all is no change: the whole is read instead. */
const SMALL_CHANGE = 500;
const LARGE_SHARE = 4;

const kinds = ["branches", "repositories", "workers", "deliveries"] as const;
type Kind = keyof Collections;
type Single = keyof Singles;
type Place = { readonly kind: Kind; readonly id: string } | { readonly single: Single };

/**
 * The status as every viewer is given it. Each row is encoded once, when it changed; a change is what differs between
 * two revisions, and is encoded once however many viewers ask for it.
 */
export class StatusStore {
  /** Revisions of another process, or of this one's former life, mean nothing here. */
  readonly #instance = randomUUID().slice(0, 8);
  readonly #head: Readonly<Record<string, unknown>>;
  readonly #rows: Record<Kind, Map<string, string>>;
  readonly #singles = new Map<Single, string>();
  readonly #past: (readonly Place[])[] = [];
  readonly #frames = new Recent<number, { readonly text: string | undefined }>(FRAMES);
  readonly #waiting = new Set<() => void>();
  #health: Health = { ok: false, since: new Date().toISOString(), reason: null, loaded: false };
  #pending: Place[] = [];
  #revision = 0;
  #snapshot: string | undefined;

  /** @param head what every status begins with. */
  constructor(head: Readonly<Record<string, unknown>>) {
    this.#head = head;
    this.#rows = { branches: new Map(), repositories: new Map(), workers: new Map(), deliveries: new Map() };
  }

  get id(): string {
    return `${this.#instance}-${this.#revision}`;
  }

  put<K extends Kind>(kind: K, row: Collections[K]): void {
    const json = JSON.stringify(row);
    if (this.#rows[kind].get(row.id) === json) return;
    this.#rows[kind].set(row.id, json);
    this.#pending.push({ kind, id: row.id });
  }

  remove(kind: Kind, id: string): void {
    if (this.#rows[kind].delete(id)) this.#pending.push({ kind, id });
  }

  /** Puts these rows and removes all others of their kind. */
  replace<K extends Kind>(kind: K, rows: readonly Collections[K][]): void {
    const kept = new Set(rows.map(({ id }) => id));
    for (const id of this.#rows[kind].keys()) if (!kept.has(id)) this.remove(kind, id);
    for (const row of rows) this.put(kind, row);
  }

  set<S extends Single>(single: S, value: Singles[S]): void {
    const json = JSON.stringify(value);
    if (this.#singles.get(single) === json) return;
    this.#singles.set(single, json);
    this.#pending.push({ single });
  }

  setHealth(ok: boolean, reason: string | null): void {
    const since = this.#health.ok === ok ? this.#health.since : new Date().toISOString();
    this.#health = { ok, since, reason, loaded: ok || this.#health.loaded };
    this.set("health", this.#health);
  }

  /** Makes what was put, removed and set visible at once. False when all of it was so already. */
  commit(): boolean {
    if (this.#pending.length === 0) return false;
    this.#revision += 1;
    this.#past.push(this.#pending);
    if (this.#past.length > REMEMBERED) this.#past.shift();
    this.#pending = [];
    this.#frames.clear();
    this.#snapshot = undefined;
    for (const wake of this.#waiting) wake();
    return true;
  }

  /** The whole status, as JSON. */
  snapshot(): string {
    this.#snapshot ??= this.#encode([
      ...kinds.map((kind) => `"${kind}":[${[...this.#rows[kind].values()].join(",")}]`),
      ...[...this.#singles].map(([name, json]) => `"${name}":${json}`),
    ]);
    return this.#snapshot;
  }

  /**
   * What changed after an id, as JSON; undefined when the whole status is needed, because that is not known any more or
   * not much less.
   */
  changesSince(id: string): string | undefined {
    const from = this.#revisionOf(id);
    const oldest = this.#revision - this.#past.length;
    if (from === undefined || from < oldest) return undefined;
    const encode = () => ({ text: this.#encodeChange(this.#past.slice(from - oldest).flat()) });
    return this.#frames.getOr(from, encode).text;
  }

  /** Resolves when there is something after an id, or the signal aborts. */
  async changed(id: string, signal: AbortSignal): Promise<void> {
    if (id !== this.id || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  #revisionOf(id: string): number | undefined {
    const [instance, revision = ""] = id.split("-");
    if (instance !== this.#instance || !/^\d{1,15}$/.test(revision)) return undefined;
    return Number(revision) <= this.#revision ? Number(revision) : undefined;
  }

  #encodeChange(places: readonly Place[]): string | undefined {
    const changed = new Map<Kind, Set<string>>();
    const parts = new Set<string>();
    for (const place of places) {
      if ("single" in place) parts.add(`"${place.single}":${this.#singles.get(place.single)}`);
      else changed.set(place.kind, (changed.get(place.kind) ?? new Set()).add(place.id));
    }
    if (this.#isLarge(changed)) return undefined;
    for (const [kind, ids] of changed) {
      const set = [...ids].flatMap((id) => this.#rows[kind].get(id) ?? []);
      const gone = [...ids].filter((id) => !this.#rows[kind].has(id));
      parts.add(`"${kind}":{"set":[${set.join(",")}],"gone":${JSON.stringify(gone)}}`);
    }
    return `{"id":${JSON.stringify(this.id)}${[...parts].map((part) => `,${part}`).join("")}}`;
  }

  #isLarge(changed: ReadonlyMap<Kind, ReadonlySet<string>>): boolean {
    const rows = [...changed.values()].reduce((sum, { size }) => sum + size, 0);
    const all = kinds.reduce((sum, kind) => sum + this.#rows[kind].size, 0);
    return rows > Math.max(SMALL_CHANGE, all / LARGE_SHARE);
  }

  #encode(parts: readonly string[]): string {
    const head = JSON.stringify({ id: this.id, ...this.#head }).slice(0, -1);
    return `${head},${parts.join(",")}}`;
  }
}
