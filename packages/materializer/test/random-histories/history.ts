import type { ScratchRepository } from "../support/git/scratch-repository.ts";
import { note } from "../support/open-project.ts";
import { releases, type ReleaseName } from "./release.ts";

/** What may be written to a path. `null` is no file any more. */
export type Content = { readonly text: string; readonly broken?: "syntax" | "link" | undefined } | null;

/** A name that no UTF-8 decodes to, written here as Latin-1; every other path is text. */
export const unreadablePath = "notes/v/\u00ff.json";

/** What readers see of a version: each note with the text of its commit and the revision that made its row. */
export type Notes = Readonly<Record<string, { readonly text: string; readonly revision: string }>>;

/** What each commit of an upstream holds, told apart from git's own answer. */
export class History {
  readonly #upstream: ScratchRepository;
  readonly #files = new Map<string, ReadonlyMap<string, NonNullable<Content>>>();
  readonly #tips = new Map<string, string>();
  /** Every commit that a branch was ever at. */
  readonly #past = new Map<string, Set<string>>();

  constructor(upstream: ScratchRepository) {
    this.#upstream = upstream;
  }

  /** Every branch and its commit, by short name. */
  get tips(): ReadonlyMap<string, string> {
    return this.#tips;
  }

  /** Commits on top of a branch, or in its place, with no past. */
  async commit(name: string, change: { path: string; content: Content; force?: boolean }): Promise<boolean> {
    const { path, content, force = false } = change;
    if (!this.#canCreate(name)) return false;
    const files = force ? new Map() : new Map(this.#files.get(this.#tips.get(name) ?? ""));
    for (const other of files.keys())
      if (other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) files.delete(other);
    if (content !== null) files.set(path, content);
    const written = [...files].map(
      ([at, held]) => [at === unreadablePath ? Buffer.from(at, "latin1") : at, textOf(held)] as const,
    );
    const oid = await this.#upstream.forcePush(name, written);
    this.#files.set(oid, files);
    this.#move(name, oid);
    return true;
  }

  async fork(from: string, name: string): Promise<boolean> {
    const tip = this.#tips.get(from);
    if (tip === undefined || !this.#canCreate(name)) return false;
    await this.#upstream.branch(name, tip);
    this.#move(name, tip);
    return true;
  }

  async remove(name: string): Promise<boolean> {
    if (!this.#tips.delete(name)) return false;
    await this.#upstream.deleteBranch(name);
    return true;
  }

  /** Undefined when nobody may ever see it: there is no such commit, or the release does not publish it. */
  notesOf(oid: string, by: ReleaseName): Notes | undefined {
    const files = this.#files.get(oid);
    const { policy, revision } = releases[by];
    if (files === undefined) return undefined;
    const selected = [...files].filter(([path]) => path.startsWith("notes/") && path.endsWith(".json"));
    const bad = selected.filter(([path, { broken }]) => path === unreadablePath || broken !== undefined);
    if (policy === "strict" && bad.length > 0) return undefined;
    const shown = selected.filter(([path, { broken }]) => path !== unreadablePath && broken !== "syntax");
    return Object.fromEntries(
      shown.map(([path, { text }]) => [path.slice("notes/".length), { text, revision }]),
    );
  }

  wasAt(name: string, oid: string): boolean {
    return this.#past.get(name)?.has(oid) ?? false;
  }

  #move(name: string, oid: string): void {
    this.#tips.set(name, oid);
    this.#past.set(name, (this.#past.get(name) ?? new Set()).add(oid));
  }

  /** Git has no branch below a branch. */
  #canCreate(name: string): boolean {
    return ![...this.#tips.keys()].some(
      (other) => other !== name && (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)),
    );
  }
}

function textOf({ text, broken }: NonNullable<Content>): string {
  if (broken === "syntax") return "{";
  return note(text, broken === "link" ? ["nowhere"] : []);
}
