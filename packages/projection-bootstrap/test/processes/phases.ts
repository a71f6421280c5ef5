interface Phase {
  /** Of the statement before which it is cut off. */
  readonly pattern: RegExp;
  /** Pieces of work that have the phase. */
  readonly works: readonly string[];
  /** The same while one of two projections is kept inline. */
  readonly inline?: readonly string[];
}

const building = ["first boot", "rebuild"];

/** Where a piece of work can be cut off. */
export const phases: Readonly<Record<string, Phase>> = {
  "looking at the log": {
    pattern: /pg_snapshot_xmin/,
    works: ["first boot", "boot", "catch up", "rebuild"],
    inline: ["first boot", "boot", "rebuild"],
  },
  "looking at the tables": { pattern: /pg_relation_size/, works: ["first boot", "boot"] },
  "loading rows": { pattern: /where ctid >=/, works: ["first boot", "boot"], inline: ["boot"] },
  "opening a version": {
    pattern: /insert into headstart_projections\.version/,
    works: building,
    inline: building,
  },
  "making its table": {
    pattern: /create table headstart_projections\."rows_/,
    works: building,
    inline: building,
  },
  "taking the lease": {
    pattern: /pg_try_advisory_lock/,
    works: ["first boot", "catch up", "rebuild"],
    inline: building,
  },
  "reading events": {
    pattern: /"headstart wanted"/,
    works: ["first boot", "boot", "catch up", "rebuild"],
    inline: ["first boot", "boot", "rebuild"],
  },
  "writing rows": {
    pattern: /insert into headstart_projections\."rows_\d+" \(key, state/,
    works: ["first boot", "catch up", "rebuild"],
    inline: building,
  },
  "moving the checkpoint": {
    pattern: /update headstart_projections\.version\s+set era/,
    works: ["first boot", "catch up", "rebuild"],
    inline: building,
  },
  "swapping versions": {
    pattern: /create or replace view/,
    works: building,
    inline: building,
  },
  "giving back the lease": {
    pattern: /set lease_owner = null/,
    works: ["first boot", "catch up", "rebuild"],
    inline: building,
  },
  "holding up appends": {
    pattern: /pg_advisory_xact_lock\(hashtextextended\('headstart_projections\.append'/,
    works: [],
    inline: building,
  },
  "waiting for its turn to append": {
    pattern: /pg_advisory_xact_lock_shared/,
    works: ["append"],
    inline: ["append"],
  },
  "locking the keys of an append": { pattern: /headstart_projections\.key:/, works: [], inline: ["append"] },
  "writing events": {
    pattern: /insert into headstart_projections\.event/,
    works: ["append"],
    inline: ["append"],
  },
  "writing the rows of an append": {
    pattern: /insert into headstart_projections\."rows_\d+" \(key, state/,
    works: [],
    inline: ["append"],
  },
  "committing an append": { pattern: /^commit$/, works: ["append"], inline: ["append"] },
};
