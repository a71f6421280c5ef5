import fc from "fast-check";
import { unreadablePath, type Content } from "./history.ts";
import type { ReleaseName } from "./release.ts";

/** Branches that are projected, some with names that are easy to mistake; git keeps `b` and `b/c` apart. */
export const projected = [
  "main",
  "drafts/a",
  "drafts/A",
  "drafts/b",
  "drafts/b/c",
  "drafts/-f",
  "drafts/';--ü$(x)",
] as const;
/** Neither live nor a draft. */
export const ignored = "feature/x";

const paths = [
  "notes/u/x.json",
  "notes/u/x.json/deep.json",
  "notes/v/y.json",
  "notes/v/Y.json",
  "notes/v/--z.json",
  "notes/ö v/new\nline 'and\" $(quote).json",
  "notes/ö v/e\u0301.json",
  "notes/ö v/é.json",
  unreadablePath,
  "readme.md",
] as const;

/** What somebody does to the upstream. */
export type Push =
  | { readonly do: "write"; readonly branch: string; readonly path: string; readonly content: Content }
  | { readonly do: "force"; readonly branch: string; readonly path: string; readonly content: Content }
  | { readonly do: "fork"; readonly from: string; readonly branch: string }
  | { readonly do: "delete"; readonly branch: string };

/** What somebody does to the projection. */
export type Operation =
  | { readonly do: "hint"; readonly branch: string; readonly times: number; readonly late: boolean }
  | { readonly do: "register"; readonly release: ReleaseName; readonly readopt: boolean }
  | BranchOperation
  | { readonly do: "retain" }
  /** A consumer of events comes to their end. */
  | { readonly do: "read" }
  | { readonly do: "audit" };

export type BranchOperation =
  /** To the version before, or to one that is picked. */
  | { readonly do: "rollback"; readonly branch: string; readonly to: number | undefined }
  | { readonly do: "unpin" | "rebuild"; readonly branch: string };

/** A machine of a release, or of the one that the repository was registered with last: only that one can build. */
export type Worker = ReleaseName | "wanted";

/** What a worker does, and how far it comes. */
export type Work =
  | { readonly do: "observe" | "outage" | "catch up"; readonly by: Worker }
  | { readonly do: "build"; readonly by: Worker; readonly until: "claimed" | "built" | "published" }
  /** Its process ends with this statement of observing and building; the server does what it was sent before. */
  | { readonly do: "crash"; readonly by: Worker; readonly atStatement: number }
  /** A worker that got stuck while it built goes on, whatever has become of its branch. */
  | { readonly do: "go on" }
  /** So much time goes by that whatever was claimed may be taken over. */
  | { readonly do: "expire" };

export type Step = Push | Operation | Work;

/** Two branches have most of the changes, so that these have a history. */
const busy = fc.constantFrom("main", "drafts/a");
const branch = fc.oneof(
  { weight: 3, arbitrary: busy },
  { weight: 3, arbitrary: fc.constantFrom(...projected, ignored) },
);
const path = fc.constantFrom(...paths);
const release: fc.Arbitrary<ReleaseName> = fc.constantFrom("old", "new");
const by: fc.Arbitrary<Worker> = fc.constantFrom("wanted", "wanted", "wanted", "old", "new");
const content = fc.record({
  text: fc.constantFrom("1", "2", "3", "4"),
  broken: fc.constantFrom(undefined, undefined, undefined, undefined, "syntax" as const, "link" as const),
});
const only = <T extends string>(...names: T[]): fc.Arbitrary<T> => fc.constantFrom(...names);

export const push: fc.Arbitrary<Push> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: only("write"), branch, path, content }) },
  { weight: 1, arbitrary: fc.record({ do: only("write"), branch, path, content: fc.constant(null) }) },
  { weight: 2, arbitrary: fc.record({ do: only("force"), branch, path, content }) },
  { weight: 2, arbitrary: fc.record({ do: only("fork"), from: branch, branch }) },
  { weight: 2, arbitrary: fc.record({ do: only("delete"), branch }) },
);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: only("hint"),
      branch,
      times: fc.integer({ min: 1, max: 3 }),
      late: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: only("register"), release, readopt: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: only("rollback"),
      branch: busy,
      to: fc.option(fc.nat({ max: 9 }), { nil: undefined }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: only("unpin", "rebuild"), branch: busy }) },
  { weight: 3, arbitrary: fc.record({ do: only("retain", "retain", "read", "audit") }) },
);

const work: fc.Arbitrary<Work> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: only("observe", "observe", "observe", "outage", "catch up"), by }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: only("build"),
      by,
      until: only("claimed", "built", "published", "published"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: only("crash"), by, atStatement: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: only("expire", "expire", "go on", "go on", "go on") }) },
);

const write = (branch: string, text: string): Push => ({
  do: "write",
  branch,
  path: "notes/u/x.json",
  content: { text },
});
const observe: Work = { do: "observe", by: "wanted" };
const catchUp: Work = { do: "catch up", by: "wanted" };
const claimed: Work = { do: "build", by: "wanted", until: "claimed" };
const built: Work = { do: "build", by: "wanted", until: "built" };
const goOn: Work = { do: "go on" };
const expire: Work = { do: "expire" };

/** Steps that seldom come in this order by chance. In a history there may be others between them. */
const scenes: readonly (readonly Step[])[] = [
  [write("main", "1"), observe, built, expire, write("main", "2"), catchUp, goOn],
  [write("main", "3"), observe, claimed, expire, write("main", "4"), catchUp, goOn],
  [write("main", "2"), expire, observe, built, { do: "retain" }, goOn],
  [
    { do: "register", release: "new", readopt: true },
    catchUp,
    { do: "register", release: "old", readopt: false },
    { do: "register", release: "old", readopt: true },
    { ...write("main", "1"), content: { text: "1", broken: "link" } } as Push,
    expire,
    observe,
    { do: "build", by: "wanted", until: "published" },
  ],
  [
    write("main", "4"),
    catchUp,
    write("main", "3"),
    catchUp,
    { do: "rollback", branch: "main", to: undefined },
    { do: "unpin", branch: "main" },
    { do: "rollback", branch: "main", to: 1 },
    write("main", "2"),
    catchUp,
  ],
  [
    write("drafts/a", "1"),
    catchUp,
    { do: "delete", branch: "drafts/a" },
    observe,
    { do: "read" },
    { do: "retain" },
    write("drafts/a", "2"),
    catchUp,
  ],
];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: push },
  { weight: 4, arbitrary: operation },
  { weight: 5, arbitrary: work },
);

/** When something happens; of two at one moment either may be the first. */
const moment = fc.nat({ max: 9_999 });

/** Steps of all kinds, with half of the scenes among them. */
export const steps: fc.Arbitrary<Step[]> = fc.noBias(
  fc
    .tuple(
      fc.array(fc.tuple(moment, step), { minLength: 15, maxLength: 22, size: "max" }),
      ...scenes.map((scene) => playedAt(scene)),
    )
    .map((parts) =>
      parts
        .flat()
        .toSorted(([a], [b]) => a - b)
        .map(([, next]) => next),
    ),
);

function playedAt(scene: readonly Step[]): fc.Arbitrary<[number, Step][]> {
  const moments = fc.array(moment, { minLength: scene.length, maxLength: scene.length });
  return fc.tuple(fc.boolean(), moments).map(([played, at]) => {
    const inOrder = at.toSorted((a, b) => a - b);
    return played ? scene.map((next, n): [number, Step] => [inOrder[n] ?? 0, next]) : [];
  });
}
