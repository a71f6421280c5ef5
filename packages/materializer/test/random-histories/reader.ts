import type pg from "pg";
import { expect } from "vitest";
import type { Materializer } from "../../src/create-materializer.ts";
import type { VersionUpdated } from "../../src/requests/messages.ts";

/** A consumer of events that remembers all that it was told. */
export interface Reader {
  /** Reads to the end. Fails when an event is left out, or comes twice. */
  read(): Promise<void>;
  /** Fails unless what was read last of each branch is the end of its log, and names the version that is served. */
  expectServed(db: pg.Pool): Promise<void>;
}

/** @param begins whether it was there from the first event on; else it begins with what is left of each log. */
export function newReader(
  { consume }: Pick<Materializer, "consume">,
  { consumer, begins }: { consumer: string; begins: "early" | "late" },
): Reader {
  const last = new Map<string, VersionUpdated>();
  const named = new Map<string, string>();
  const handler = async (message: VersionUpdated): Promise<void> => {
    const branch = `${message.repository} ${message.branch}`;
    const before = last.get(branch);
    if (before !== undefined || begins === "early")
      expect(next(before), `positions of ${branch}`).toContain(message.position);
    last.set(branch, message);
    if (message.event === "branch-deleted") named.delete(branch);
    else if (message.version !== undefined) named.set(branch, message.version);
  };
  return {
    read: async () => {
      while ((await consume({ consumer, handler })) > 0);
    },
    expectServed: async (db) => {
      const { rows } = await db.query<{ branch: string; version: string | null; position: number }>(
        `select r.name || ' ' || b.ref as branch, b.served_version::text as version, b.event_position::int as position
         from headstart_materializer.branches b
         join headstart_materializer.repositories r on r.id = b.repository_id`,
      );
      for (const { branch, version, position } of rows) {
        expect(last.get(branch)?.position ?? 0, `events of ${branch} to its end`).toBe(position);
        expect(named.get(branch) ?? null, `the version that the events of ${branch} name`).toBe(version);
      }
    },
  };
}

/** Where the next event of a branch may be: one that is made again when nothing is left of the deleted one begins at 1. */
function next(before: VersionUpdated | undefined): number[] {
  if (before === undefined) return [1];
  return before.event === "branch-deleted" ? [before.position + 1, 1] : [before.position + 1];
}
