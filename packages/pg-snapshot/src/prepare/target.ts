import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import type { StripRule } from "../snapshot/strip-rules.ts";
import type { Requirement } from "./requirement.ts";

/** The content that a database is derived from. */
export interface Identity {
  /** What stands for the content, for example 64 hexadecimal digits. Equal digest, equal database. */
  readonly digest: string;
  /** Text with a line for each input, kept with the snapshot so that a later miss can say which one changed. */
  readonly manifest: string;
}

/** The empty database that a build fills. */
export interface BuildDatabase {
  readonly name: string;
  /** Connection URL, with the password where the server was given with one. */
  readonly url: string;
  /** Aborts when the caller gives up or the server is lost; the build has to end then. */
  readonly signal: AbortSignal;
  /** Says in a few words what is going on, for the progress line. */
  report(detail: string): void;
}

/** A named, static description of a database: what it is made from, and how. */
export interface Target {
  /** Any text; databases and files get a short form of it with a hash. */
  readonly name: string;
  /**
   * Identifies the inputs. Called before the work, and again after a build: a build whose inputs moved
   * meanwhile is thrown away.
   */
  readonly fingerprint: (options: { readonly signal: AbortSignal }) => Promise<Identity>;
  /** Fills the empty database; every connection to it must be closed when the promise resolves. */
  readonly build: (database: BuildDatabase) => Promise<void>;
  /** What is removed from the snapshot. Part of what the digest must cover. */
  readonly strip?: readonly StripRule[] | undefined;
  readonly require?: readonly Requirement[] | undefined;
  /** Where snapshots are looked for, in this order; the writable ones are written. */
  readonly stores?: readonly SnapshotStore[] | undefined;
}
