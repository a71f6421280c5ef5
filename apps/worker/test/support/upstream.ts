import { join } from "node:path";
import { scratchRepository, type ScratchRepository } from "./scratch-repository.ts";

/** What somebody pushes to a branch. */
export type Push =
  | { readonly kind: "commit"; readonly branch: string; readonly files: Pages }
  /** History is replaced by one commit without parents. */
  | { readonly kind: "force"; readonly branch: string; readonly files: Pages }
  | { readonly kind: "create"; readonly branch: string; readonly from: string }
  | { readonly kind: "delete"; readonly branch: string };

/** Title by page; null takes the page away, and `broken` is no title that the projector accepts. */
export type Pages = Readonly<Record<string, string | null | typeof broken>>;
export const broken = Symbol("broken");

/** A branch as those who push know it. */
export interface KnownBranch {
  readonly tip: string;
  readonly pages: ReadonlyMap<string, string | typeof broken>;
}

/** A repository that is pushed to, and everything that was. */
export interface Upstream {
  readonly name: string;
  /** Over HTTP. */
  readonly url: string;
  readonly repository: ScratchRepository;
  readonly branches: ReadonlyMap<string, KnownBranch>;
  /** What each branch ever pointed at, in order; null once it was deleted. */
  readonly pushed: ReadonlyMap<string, readonly (string | null)[]>;
  /** Applies them by one process; of each branch at most one. */
  push(...pushes: readonly Push[]): Promise<void>;
}

/** @param served the folder that the git server serves, and its address */
export async function createUpstream(
  name: string,
  served: { readonly folder: string; readonly url: string },
): Promise<Upstream> {
  const repository = await scratchRepository(join(served.folder, name));
  const branches = new Map<string, KnownBranch>();
  const pushed = new Map<string, (string | null)[]>();
  let time = 1_700_000_000;
  return {
    name,
    url: `${served.url}/${name}/content.git`,
    repository,
    branches,
    pushed,
    push: async (...pushes) => {
      const named = pushes.map(({ branch }) => branch);
      if (new Set(named).size < named.length) throw new Error(`twice in one push: ${named.join(", ")}`);
      const script = pushes.map((push, index) =>
        write(push, { mark: index + 1, time: (time += 1), branches }),
      );
      const marks = pushes.flatMap(({ kind }, index) =>
        makesCommit(kind) ? [`get-mark :${index + 1}\n`] : [],
      );
      const said = await repository.git(
        ["fast-import", "--quiet", "--force", "--done"],
        `${script.join("")}${marks.join("")}done\n`,
      );
      const oids = said.split("\n").filter(Boolean);
      for (const push of pushes) remember(push, makesCommit(push.kind) ? oids.shift() : undefined);
    },
  };

  function remember(push: Push, oid: string | undefined): void {
    const { branch } = push;
    const tips = pushed.get(branch) ?? [];
    pushed.set(branch, tips);
    if (push.kind === "delete") {
      branches.delete(branch);
      tips.push(null);
      return;
    }
    const known = after(push, oid, branches);
    branches.set(branch, known);
    tips.push(known.tip);
  }
}

function makesCommit(kind: Push["kind"]): boolean {
  return kind === "commit" || kind === "force";
}

function after(
  push: Exclude<Push, { kind: "delete" }>,
  oid: string | undefined,
  branches: ReadonlyMap<string, KnownBranch>,
): KnownBranch {
  if (push.kind === "create") {
    const from = branches.get(push.from);
    if (from === undefined)
      throw new Error(`${push.branch} cannot be made from ${push.from}: it is not there`);
    return from;
  }
  if (oid === undefined) throw new Error(`git did not say which commit ${push.branch} got`);
  const pages = new Map(push.kind === "commit" ? branches.get(push.branch)?.pages : []);
  for (const [path, title] of Object.entries(push.files)) {
    if (title === null) pages.delete(path);
    else pages.set(path, title);
  }
  return { tip: oid, pages };
}

/** A push in the language of `git fast-import`. */
function write(
  push: Push,
  { mark, time, branches }: { mark: number; time: number; branches: ReadonlyMap<string, KnownBranch> },
): string {
  const ref = `refs/heads/${push.branch}`;
  if (push.kind === "delete") return `reset ${ref}\nfrom ${"0".repeat(40)}\n\n`;
  if (push.kind === "create") return `reset ${ref}\nfrom ${branches.get(push.from)?.tip}\n\n`;
  const person = `Ada <ada@example.org> ${time} +0000`;
  const parent = push.kind === "commit" ? branches.get(push.branch)?.tip : undefined;
  const lines = [
    push.kind === "force" ? `reset ${ref}\n\n` : "",
    `commit ${ref}\nmark :${mark}\nauthor ${person}\ncommitter ${person}\ndata 4\npush\n`,
    parent === undefined ? "" : `from ${parent}\n`,
    ...Object.entries(push.files).map(([path, title]) => {
      if (title === null) return `D ${path}\n`;
      const content = contentOf(title);
      return `M 100644 inline ${path}\ndata ${Buffer.byteLength(content)}\n${content}\n`;
    }),
  ];
  return lines.join("");
}

/** A broken page is told by its third line. */
function contentOf(title: string | typeof broken): string {
  return `{\n  "more": [],\n  "title": ${title === broken ? "17" : JSON.stringify(title)}\n}`;
}
