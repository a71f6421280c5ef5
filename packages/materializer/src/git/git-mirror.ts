import { setMaxListeners } from "node:events";
import { diffTrees, type TreeChange } from "./diff-trees.ts";
import type { FetchOutcome } from "./fetch-refs.ts";
import { distrust, generationReader, type Generation } from "./generations.ts";
import { GitError, throwIfAborted } from "./git-error.ts";
import { listMirroredRefs, listRemoteRefs } from "./list-refs.ts";
import { parseTree, type TreeEntry } from "./list-tree.ts";
import { localGit } from "./local-git.ts";
import type { CommitComparison, Credential, GitCallOptions, Mirror } from "./mirror.ts";
import { ObjectReader } from "./object-reader.ts";
import { requireOid } from "./oid.ts";
import { accessBy, locally, type Place } from "./place.ts";
import { readBlobs, type BlobRead } from "./read-blobs.ts";
import { readCommit, type Commit } from "./read-commit.ts";
import { readPath, type PathRead } from "./read-path.ts";
import type { RefListing } from "./ref-listing.ts";
import { streamGit } from "./run-git.ts";
import { splitRecords } from "./split-records.ts";
import { fetchCommit, updateMirror, type FetchOrder } from "./update-mirror.ts";

export class GitMirror implements Mirror {
  readonly #place: Place;
  readonly #open: Open;

  constructor(place: Omit<Place, "closing">, open: Open = openAt(place.directory)) {
    this.#place = { ...place, closing: open.closing.signal };
    this.#open = open;
  }

  get directory(): string {
    return this.#place.directory;
  }

  async listRemote({ signal }: GitCallOptions = {}): Promise<RefListing> {
    return await listRemoteRefs(this.#place, signal);
  }

  async fetch(order: FetchOrder = {}): Promise<FetchOutcome> {
    return await updateMirror(this.#place, order);
  }

  async fetchCommit(oid: string, { signal }: GitCallOptions = {}): Promise<void> {
    await fetchCommit(this.#place, requireOid(oid), signal);
  }

  async listRefs({ signal }: GitCallOptions = {}): Promise<RefListing> {
    const generation = await this.#open.current();
    if (generation === undefined) return { refs: new Map(), unreadable: [], objectFormat: "sha1" };
    return await this.#reading(
      generation,
      async () => await listMirroredRefs(this.#place, generation, signal),
    );
  }

  async has(oids: readonly string[], { signal }: GitCallOptions = {}): Promise<Set<string>> {
    const names = oids.map((oid) => `${requireOid(oid)}^{tree}`);
    const generation = await this.#open.current();
    if (generation === undefined) return new Set();
    const infos = await this.#reading(generation, async (reader) => await reader.info(names, signal));
    return new Set(oids.filter((_, index) => infos[index] !== undefined));
  }

  async readCommit(oid: string, { signal }: GitCallOptions = {}): Promise<Commit> {
    requireOid(oid);
    const generation = await this.#generation(oid);
    return await this.#reading(generation, async (reader) => await readCommit(reader, oid, signal));
  }

  async *listTree(tree: string, { signal }: GitCallOptions = {}): AsyncGenerator<TreeEntry, void> {
    const args = ["ls-tree", "-r", "-t", "-l", "-z", "--full-tree", requireOid(tree)];
    yield* parseTree(this.#records(args, signal), this.#place.limits);
  }

  async *diffTrees(
    before: string,
    after: string,
    { signal }: GitCallOptions = {},
  ): AsyncGenerator<TreeChange, void> {
    const trees = [requireOid(before), requireOid(after)] as const;
    throwIfAborted(signal);
    const generation = await this.#generation(before);
    const changes = diffTrees(this.#reader(generation), trees, { limits: this.#place.limits, signal });
    yield* watched(generation, changes);
  }

  async *readBlobs(oids: readonly string[], { signal }: GitCallOptions = {}): AsyncGenerator<BlobRead, void> {
    oids.forEach(requireOid);
    throwIfAborted(signal);
    const [first] = oids;
    if (first === undefined) return;
    const generation = await this.#generation(first);
    const blobs = readBlobs(this.#reader(generation), oids, { limits: this.#place.limits, signal });
    yield* watched(generation, blobs);
  }

  async readPath(tree: string, path: string, { signal }: GitCallOptions = {}): Promise<PathRead> {
    const generation = await this.#generation(requireOid(tree));
    const options = { limits: this.#place.limits, signal };
    return await this.#reading(generation, async (reader) => await readPath(reader, { tree, path }, options));
  }

  async compareCommits(a: string, b: string, { signal }: GitCallOptions = {}): Promise<CommitComparison> {
    const generation = await this.#generation(requireOid(a));
    const options = { ...locally(this.#place, generation, signal), directory: this.#place.home.empty };
    const range = `${a}...${requireOid(b)}`;
    return await this.#reading(generation, async () => {
      const counts = await localGit(["rev-list", "--left-right", "--count", range, "--"], options);
      const [ahead = 0, behind = 0] = counts.trim().split("\t").map(Number);
      const mergeBase = (await localGit(["merge-base", a, b], options)).trim();
      return { ahead, behind, ...(mergeBase !== "" && { mergeBase }) };
    });
  }

  as(credential: Credential): Mirror {
    return new GitMirror({ ...this.#place, ...accessBy(this.#place.home, credential) }, this.#open);
  }

  async distrust(): Promise<void> {
    const generation = await this.#open.current();
    if (generation !== undefined) await distrust(generation);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { closing, readers: open } = this.#open;
    closing.abort(new Error("The mirror was disposed of."));
    const readers = [...open.values()];
    open.clear();
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  }

  async #generation(oid: string): Promise<Generation> {
    const generation = await this.#open.current();
    if (generation === undefined) throw new GitError("RefMissing", `The mirror is empty: it has no ${oid}.`);
    return generation;
  }

  /** Output of a command on one object, record by record. */
  async *#records(args: readonly string[], signal?: AbortSignal): AsyncGenerator<Buffer[], void> {
    const generation = await this.#generation(args.at(-1) ?? "");
    yield* watched(generation, splitRecords(streamGit(args, locally(this.#place, generation, signal)), 0));
  }

  async #reading<T>(generation: Generation, read: (reader: ObjectReader) => Promise<T>): Promise<T> {
    try {
      return await read(this.#reader(generation));
    } catch (error) {
      throw await noted(generation, error);
    }
  }

  #reader(generation: Generation): ObjectReader {
    const { directory } = generation;
    const reader = this.#open.readers.get(directory) ?? new ObjectReader(locally(this.#place, generation));
    this.#open.readers.set(directory, reader);
    return reader;
  }
}

/** What is open of a mirror, by whatever credential it talks. */
interface Open {
  readonly current: () => Promise<Generation | undefined>;
  /** By the directory of the generation they read. */
  readonly readers: Map<string, ObjectReader>;
  readonly closing: AbortController;
}

function openAt(directory: string): Open {
  const closing = new AbortController();
  // One listener for each process that runs.
  setMaxListeners(0, closing.signal);
  return { current: generationReader(directory), readers: new Map(), closing };
}

async function* watched<T>(generation: Generation, source: AsyncIterable<T>): AsyncGenerator<T, void> {
  try {
    yield* source;
  } catch (error) {
    throw await noted(generation, error);
  }
}

/** A generation that turns out corrupt when it is read is replaced by the next fetch. */
async function noted(generation: Generation, error: unknown): Promise<unknown> {
  if (error instanceof GitError && error.kind === "Corrupt") await distrust(generation);
  return error;
}
