import type { Random } from "./random.ts";
import { broken, type Pages, type Push, type Upstream } from "./upstream.ts";

/** Drafts of a repository, about: fewer are made when there are more. */
const USUAL_DRAFTS = 25;
const PAGES = 12;

/**
 * What somebody might push next: mostly small commits, some drafts that come and go, some rewritten history, some
 * pages that are broken and later mended. The first push of a repository is its main branch.
 */
export function randomPush(upstream: Upstream, random: Random, title: string): Push {
  if (!upstream.branches.has("main"))
    return { kind: "commit", branch: "main", files: { [page(0)]: title, [page(1)]: title } };
  const drafts = [...upstream.branches.keys()].filter((name) => name !== "main");
  const roll = random.next();
  if (drafts.length === 0 || (roll < 0.15 && drafts.length < USUAL_DRAFTS))
    return { kind: "create", branch: newDraft(upstream, random), from: "main" };
  if (roll < 0.15) return { kind: "delete", branch: random.pick(drafts) };
  if (roll < 0.22)
    return { kind: "force", branch: random.pick(drafts), files: { [somePage(random)]: title } };
  const branch = random.chance(0.25) ? "main" : random.pick(drafts);
  return { kind: "commit", branch, files: changes(upstream, { branch, random, title }) };
}

/** Sometimes the name of one that is gone: a branch may come back. */
function newDraft(upstream: Upstream, random: Random): string {
  const gone = [...upstream.pushed.keys()].filter((name) => !upstream.branches.has(name));
  if (gone.length > 0 && random.chance(0.3)) return random.pick(gone);
  return `drafts/${upstream.pushed.size}`;
}

function changes(
  upstream: Upstream,
  { branch, random, title }: { branch: string; random: Random; title: string },
): Pages {
  const pages = upstream.branches.get(branch)?.pages ?? new Map<string, string>();
  const wrong = [...pages].flatMap(([path, content]) => (content === broken ? [path] : []));
  if (wrong.length > 0 && random.chance(0.6)) return Object.fromEntries(wrong.map((path) => [path, title]));
  if (random.chance(0.08)) return { [somePage(random)]: broken };
  const present = [...pages.keys()].filter((path) => path !== page(0));
  if (present.length > 2 && random.chance(0.1)) return { [random.pick(present)]: null };
  return { [somePage(random)]: title };
}

function somePage(random: Random): string {
  return page(random.below(PAGES));
}

function page(number: number): string {
  return `pages/${number}.json`;
}
