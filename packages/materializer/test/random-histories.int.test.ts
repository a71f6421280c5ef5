import { rename } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { note, openProject, type Project } from "./support/open-project.ts";
import { expireLeases, makeDue } from "./support/take-over.ts";

const branches = ["main", "drafts/a", "drafts/b", "drafts/b/c"] as const;
const paths = [
  "notes/u/x.json",
  "notes/u/x.json/deep.json",
  "notes/v/y.json",
  "notes/v/z.json",
  "readme.md",
] as const;

type Step =
  | {
      readonly do: "write";
      readonly branch: string;
      readonly path: string;
      readonly text: string;
      readonly bad: boolean;
    }
  | { readonly do: "remove"; readonly branch: string; readonly path: string }
  | { readonly do: "force"; readonly branch: string; readonly path: string; readonly text: string }
  | { readonly do: "fork"; readonly from: string; readonly branch: string }
  | { readonly do: "delete"; readonly branch: string }
  | { readonly do: "hint" | "observe" | "observeElsewhere" | "outage" | "expire" }
  /** How far a build gets before its worker is gone. */
  | { readonly do: "build"; readonly until: "claimed" | "built" | "published"; readonly elsewhere: boolean };

const branch = fc.constantFrom(...branches);
const path = fc.constantFrom(...paths);
const text = fc.constantFrom("1", "2", "3", "4");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      branch,
      path,
      text,
      bad: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), branch, path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("force" as const), branch, path, text }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fork" as const), from: branch, branch }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), branch }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("build" as const),
      until: fc.constantFrom(
        "claimed" as const,
        "built" as const,
        "published" as const,
        "published" as const,
      ),
      elsewhere: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "hint" as const,
        "observe" as const,
        "observe" as const,
        "observeElsewhere" as const,
        "outage" as const,
        "expire" as const,
      ),
    }),
  },
);

/** The same histories every time; `HEADSTART_SEED=<number>` looks at others. */
const seed = Number(process.env["HEADSTART_SEED"] ?? 20_261_121);

const transports = [
  ["file", 12],
  ["http", 6],
] as const;

const property =
  "over %s, whatever happens, readers see only what some commit had, and after quiet every branch equals git";

test.each(transports)(property, async (over, numRuns) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
      await using project = await openProject({ over, settings: { leaseMs: 3_600_000 } });
      const elsewhere = await project.another({ settings: { leaseMs: 3_600_000 } });
      const history = new History(project);
      using reader = watch(project, history);
      for (const next of steps) {
        await perform(next, { project, elsewhere, history });
        await reader.check();
      }
      await comeToRest(project);
      await reader.check();
      for (const { ref, gitOid, current, differences } of await project.verifyAll()) {
        expect(differences, ref).toEqual([]);
        const { errorOid } = await project.materializer.branch({ repository: "handbook", branch: ref });
        expect(current || errorOid === gitOid, `${ref} is current, or its tip is known to be bad`).toBe(true);
        if (current)
          expect(await project.notes(ref.slice("refs/heads/".length))).toEqual(history.notesOf(gitOid ?? ""));
      }
      const gone = branches.filter((name) => !history.exists(name));
      for (const name of gone) expect(await project.notes(name), name).toEqual({});
    }),
    { numRuns, endOnFailure: true, seed },
  );
});

/** What each commit of the upstream holds, told apart from git's own answer. */
class History {
  readonly #project: Project;
  readonly #files = new Map<string, ReadonlyMap<string, string>>();
  readonly #tips = new Map<string, string>();

  constructor(project: Project) {
    this.#project = project;
  }

  exists(name: string): boolean {
    return this.#tips.has(name);
  }

  /** Git has no branch below a branch. */
  canCreate(name: string): boolean {
    return ![...this.#tips.keys()].some(
      (other) => other !== name && (other.startsWith(`${name}/`) || name.startsWith(`${other}/`)),
    );
  }

  async commit(name: string, path: string, content: string | null, force = false): Promise<void> {
    if (!this.canCreate(name)) return;
    const before = force ? new Map<string, string>() : new Map(this.#files.get(this.#tips.get(name) ?? ""));
    for (const other of before.keys()) {
      if (other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`))
        before.delete(other);
    }
    if (content !== null) before.set(path, content);
    const oid = await this.#project.upstream.forcePush(name, Object.fromEntries(before));
    this.#files.set(oid, before);
    this.#tips.set(name, oid);
  }

  async fork(from: string, name: string): Promise<void> {
    const tip = this.#tips.get(from);
    if (tip === undefined || !this.canCreate(name)) return;
    await this.#project.upstream.branch(name, tip);
    this.#tips.set(name, tip);
  }

  async remove(name: string): Promise<void> {
    if (!this.#tips.delete(name)) return;
    await this.#project.upstream.deleteBranch(name);
  }

  notesOf(oid: string): Record<string, string> {
    const files = [...(this.#files.get(oid) ?? [])].filter(
      ([at]) => at.startsWith("notes/") && at.endsWith(".json"),
    );
    const texts = files.map(
      ([at, content]) => [at.slice("notes/".length), (JSON.parse(content) as { text: string }).text] as const,
    );
    return Object.fromEntries(texts);
  }

  wasACommit(oid: string): boolean {
    return this.#files.has(oid);
  }
}

async function perform(
  next: Step,
  { project, elsewhere, history }: { project: Project; elsewhere: Project["materializer"]; history: History },
): Promise<void> {
  const { materializer, upstream, db } = project;
  if (next.do === "write")
    await history.commit(next.branch, next.path, note(next.text, next.bad ? ["nowhere"] : []));
  else if (next.do === "remove") await history.commit(next.branch, next.path, null);
  else if (next.do === "force") await history.commit(next.branch, next.path, note(next.text), true);
  else if (next.do === "fork") await history.fork(next.from, next.branch);
  else if (next.do === "delete") await history.remove(next.branch);
  else if (next.do === "hint") await materializer.hint({ repository: "handbook", branch: "main" });
  else if (next.do === "observe") await materializer.observe("handbook");
  else if (next.do === "observeElsewhere") await elsewhere.observe("handbook");
  else if (next.do === "expire") await expireLeases(db);
  else if (next.do === "outage") {
    await rename(upstream.directory, `${upstream.directory}.away`);
    await expect(materializer.observe("handbook")).rejects.toThrow();
    await rename(`${upstream.directory}.away`, upstream.directory);
  } else if (next.do === "build") await buildPart(next.elsewhere ? elsewhere : materializer, next.until);
}

async function buildPart(
  worker: Project["materializer"],
  until: "claimed" | "built" | "published",
): Promise<void> {
  const [lease] = await worker.claim();
  if (lease === undefined || until === "claimed") return;
  if (until === "published") await worker.materialize(lease);
  // A commit that has left the repository since is found out here as it would be in a real build.
  else await worker.build(lease, { signal: new AbortController().signal }).catch(() => undefined);
}

async function comeToRest(project: Project): Promise<void> {
  await expireLeases(project.db);
  await project.db.query("update headstart_materializer.repositories set observe_until = null");
  await makeDue(project.db);
  await project.settle();
  const { rows } = await project.db.query<{ guard: string | null }>(
    "select guard from headstart_materializer.repositories",
  );
  if (rows[0]?.guard != null) await project.materializer.confirmDeletions("handbook");
  await makeDue(project.db);
  await project.settle();
}

/** Reads all the time, and remembers what it saw that no commit had. */
function watch(project: Project, history: History): Disposable & { check(): Promise<void> } {
  let reading = true;
  const seen = new Map<string, { oid: string; notes: Record<string, string> }>();
  const loop = (async () => {
    while (reading) {
      const { rows } = await project.db.query<{ ref: string; oid: string; notes: Record<string, string> }>(
        `select ref, oid, jsonb_object_agg(key, data ->> 'text') as notes
         from headstart_materializer.branch_rows group by ref, oid`,
      );
      for (const { oid, notes } of rows) seen.set(JSON.stringify([oid, notes]), { oid, notes });
    }
  })();
  loop.catch(() => undefined);
  return {
    check: async () => {
      for (const [id, { oid, notes }] of seen) {
        expect(history.wasACommit(oid), oid).toBe(true);
        expect(notes).toEqual(history.notesOf(oid));
        seen.delete(id);
      }
    },
    [Symbol.dispose]: () => {
      reading = false;
    },
  };
}
