import { GitError } from "./git-error.ts";
import type { GitLimits } from "./git-limits.ts";
import { formatOf, isOid, type ObjectFormat } from "./oid.ts";

/** Branches and what they point at. */
export interface RefListing {
  /** Commits by full name, `refs/heads/…`. */
  readonly refs: ReadonlyMap<string, string>;
  /** The remote's default branch by full name, when it told. It need not exist. */
  readonly defaultRef?: string;
  readonly objectFormat: ObjectFormat;
  /** Branches whose names are no UTF-8, or too long, shown as far as they can be. They are left out of `refs`. */
  readonly unreadable: readonly string[];
}

/**
 * Bytes of the longest name that is followed. An index of Postgres holds 2,704 bytes of a key; messages name branches
 * with at most 1,024 characters.
 */
const longestName = 1_000;

/** Stands where git's bytes are no UTF-8. A name that really holds it is left out too: nobody can tell them apart. */
const replacement = "\uFFFD";

/** Reads lines of `<oid> <ref>` and `ref: <ref> <ref>`, as ls-remote and for-each-ref write them. */
export class RefListingReader {
  readonly #refs = new Map<string, string>();
  readonly #unreadable: string[] = [];
  readonly #prefix: string;
  readonly #limits: GitLimits;
  #defaultRef: string | undefined;

  /** @param prefix what stands for `refs/heads/`; refs outside it are none of ours */
  constructor(prefix: string, limits: GitLimits) {
    this.#prefix = prefix;
    this.#limits = limits;
  }

  /** @throws GitError `TooLarge`, `Corrupt` */
  add(line: string): void {
    const [, target = "", name = ""] = /^(.*)[\t ]([^\t ]*)$/.exec(line) ?? [];
    if (name === "HEAD" && target.startsWith("ref: ")) this.#defaultRef = target.slice("ref: ".length);
    if (!name.startsWith(this.#prefix)) return;
    if (!isOid(target)) throw new GitError("Corrupt", `The ref ${name} has no whole object name.`);
    const ref = `refs/heads/${name.slice(this.#prefix.length)}`;
    if (ref.includes(replacement) || Buffer.byteLength(ref) > longestName) this.#unreadable.push(ref);
    else this.#refs.set(ref, target);
    if (this.#refs.size + this.#unreadable.length > this.#limits.maxRefs) {
      throw new GitError("TooLarge", `The repository has more than ${this.#limits.maxRefs} branches.`, {
        hint: "Delete branches that nobody needs, or raise `limits.maxRefs`.",
      });
    }
  }

  finish(objectFormat: ObjectFormat = "sha1"): RefListing {
    const [first] = this.#refs.values();
    return {
      refs: this.#refs,
      unreadable: this.#unreadable,
      objectFormat: first === undefined ? objectFormat : formatOf(first),
      ...(this.#defaultRef !== undefined && { defaultRef: this.#defaultRef }),
    };
  }
}
