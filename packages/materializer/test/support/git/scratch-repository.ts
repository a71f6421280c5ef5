import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runPlainGit } from "./run-plain-git.ts";

/** What a commit does to a path: new content, no file any more (`null`), or an entry that is no plain file. */
export type FileChange =
  | string
  | Buffer
  | null
  | { readonly executable: string | Buffer }
  | { readonly symlink: string }
  | { readonly submodule: string };

/** By path; entries when a path is no valid UTF-8. */
export type FileChanges =
  Readonly<Record<string, FileChange>> | readonly (readonly [string | Buffer, FileChange])[];

export interface CommitOptions {
  readonly message?: string;
  /** `Name <mail>` @default "Ada <ada@example.org>" */
  readonly author?: string;
  /** Seconds since 1970. @default one second later than the commit before it in this repository */
  readonly time?: number;
}

/** An entry of a tree written byte for byte, with nothing checked: for trees that git itself would refuse to make. */
export interface RawEntry {
  readonly mode: string;
  readonly name: string | Buffer;
  readonly oid: string;
}

/** An upstream that tests change as its users would. Bare; every method is one or two git processes. */
export interface ScratchRepository extends AsyncDisposable {
  readonly directory: string;
  readonly url: string;
  /** Commits on top of a branch, which is created when it is new. @returns the commit */
  commit(branch: string, changes: FileChanges, options?: CommitOptions): Promise<string>;
  /** Many commits on a branch at once, oldest first: one process for all. @returns the commits */
  commits(branch: string, history: readonly FileChanges[], options?: CommitOptions): Promise<string[]>;
  /** Points a branch at a commit, whatever it pointed at before. */
  branch(name: string, commit: string): Promise<void>;
  deleteBranch(name: string): Promise<void>;
  /** Replaces a branch by a commit without parents that holds exactly these files. @returns the commit */
  forcePush(branch: string, files: FileChanges, options?: CommitOptions): Promise<string>;
  setDefaultBranch(name: string): Promise<void>;
  /** The commit a branch points at. */
  tip(branch: string): Promise<string | undefined>;
  /** Every branch and its commit, by full name. */
  refs(): Promise<Map<string, string>>;
  writeBlob(content: string | Buffer): Promise<string>;
  /** Writes a tree byte for byte, in the order given. @returns the tree */
  writeTree(entries: readonly RawEntry[]): Promise<string>;
  /** Commits a tree on top of a branch. @returns the commit */
  commitTree(branch: string, tree: string): Promise<string>;
  git(args: readonly string[], input?: Buffer | string): Promise<Buffer>;
}

export interface ScratchOptions {
  /** Where to make it. @default a new temporary folder, removed on disposal */
  readonly directory?: string;
  readonly objectFormat?: "sha1" | "sha256";
  /** @default "main" */
  readonly defaultBranch?: string;
}

/** Makes an empty repository. */
export async function scratchRepository(options: ScratchOptions = {}): Promise<ScratchRepository> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "headstart-upstream-")));
  const format = `--object-format=${options.objectFormat ?? "sha1"}`;
  const head = `--initial-branch=${options.defaultBranch ?? "main"}`;
  await runPlainGit("/", ["init", "--quiet", "--bare", "--template=", format, head, directory]);
  // Pushes that the tests imitate come one after the other; a collection in between would only cost time.
  await runPlainGit(directory, ["config", "gc.auto", "0"]);
  return new Scratch(directory);
}

class Scratch implements ScratchRepository {
  readonly directory: string;
  readonly url: string;
  #time = 1_700_000_000;

  constructor(directory: string) {
    this.directory = directory;
    this.url = pathToFileURL(directory).href;
  }

  async commit(branch: string, changes: FileChanges, options: CommitOptions = {}): Promise<string> {
    return (await this.commits(branch, [changes], options))[0] as string;
  }

  async commits(
    branch: string,
    history: readonly FileChanges[],
    options: CommitOptions = {},
  ): Promise<string[]> {
    return await this.#import(branch, { history, options, from: await this.tip(branch) });
  }

  async forcePush(branch: string, files: FileChanges, options: CommitOptions = {}): Promise<string> {
    return (await this.#import(branch, { history: [files], options, from: undefined }))[0] as string;
  }

  async branch(name: string, commit: string): Promise<void> {
    await this.git(["update-ref", `refs/heads/${name}`, commit]);
  }

  async deleteBranch(name: string): Promise<void> {
    await this.git(["update-ref", "-d", `refs/heads/${name}`]);
  }

  async setDefaultBranch(name: string): Promise<void> {
    await this.git(["symbolic-ref", "HEAD", `refs/heads/${name}`]);
  }

  async tip(branch: string): Promise<string | undefined> {
    return (await this.refs(`refs/heads/${branch}`)).get(`refs/heads/${branch}`);
  }

  async refs(pattern = "refs/heads/"): Promise<Map<string, string>> {
    const lines = await this.git(["for-each-ref", "--format=%(objectname) %(refname)", pattern]);
    const refs = lines.toString().split("\n").filter(Boolean);
    return new Map(refs.map((line) => [line.slice(line.indexOf(" ") + 1), line.slice(0, line.indexOf(" "))]));
  }

  async writeBlob(content: string | Buffer): Promise<string> {
    return text(await this.git(["hash-object", "-w", "--stdin"], content));
  }

  async writeTree(entries: readonly RawEntry[]): Promise<string> {
    const parts = entries.flatMap(({ mode, name, oid }) => [
      Buffer.from(`${mode} `),
      Buffer.from(name),
      Buffer.from([0]),
      Buffer.from(oid, "hex"),
    ]);
    return text(
      await this.git(["hash-object", "-t", "tree", "--literally", "-w", "--stdin"], Buffer.concat(parts)),
    );
  }

  async commitTree(branch: string, tree: string): Promise<string> {
    const parent = await this.tip(branch);
    const person = `Ada <ada@example.org> ${(this.#time += 1)} +0000`;
    const header = `tree ${tree}\n${parent ? `parent ${parent}\n` : ""}author ${person}\ncommitter ${person}\n\nraw\n`;
    const commit = text(await this.git(["hash-object", "-t", "commit", "-w", "--stdin"], header));
    await this.branch(branch, commit);
    return commit;
  }

  async git(args: readonly string[], input?: Buffer | string): Promise<Buffer> {
    return await runPlainGit(this.directory, args, input);
  }

  async #import(
    branch: string,
    {
      history,
      options,
      from,
    }: { history: readonly FileChanges[]; options: CommitOptions; from: string | undefined },
  ): Promise<string[]> {
    const parts: Buffer[] = [];
    const say = (line: string): void => void parts.push(Buffer.from(line));
    const data = (content: string | Buffer): void => {
      const bytes = Buffer.from(content);
      parts.push(Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from("\n"));
    };
    for (const [index, changes] of history.entries()) {
      const time = options.time ?? (this.#time += 1);
      const person = `${options.author ?? "Ada <ada@example.org>"} ${time} +0000`;
      say(`commit refs/heads/${branch}\nmark :${index + 1}\nauthor ${person}\ncommitter ${person}\n`);
      data(options.message ?? `change ${index + 1}`);
      if (index > 0) say(`from :${index}\n`);
      else if (from !== undefined) say(`from ${from}\n`);
      for (const [path, change] of entriesOf(changes)) {
        const [line, content] = changeLine(quoted(path), change);
        say(`${line}\n`);
        if (content !== undefined) data(content);
      }
    }
    for (const index of history.keys()) say(`get-mark :${index + 1}\n`);
    const answer = await this.git(
      ["fast-import", "--quiet", "--force", "--done"],
      Buffer.concat([...parts, Buffer.from("done\n")]),
    );
    return answer.toString().split("\n").filter(Boolean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

function entriesOf(changes: FileChanges): readonly (readonly [string | Buffer, FileChange])[] {
  return Array.isArray(changes) ? changes : Object.entries(changes);
}

function changeLine(path: string, change: FileChange): [line: string, content?: string | Buffer] {
  if (change === null) return [`D ${path}`];
  if (typeof change === "string" || Buffer.isBuffer(change)) return [`M 100644 inline ${path}`, change];
  if ("executable" in change) return [`M 100755 inline ${path}`, change.executable];
  if ("symlink" in change) return [`M 120000 inline ${path}`, change.symlink];
  return [`M 160000 ${change.submodule} ${path}`];
}

/** A path as fast-import takes any bytes: every unusual one in octal. */
function quoted(path: string | Buffer): string {
  const escaped = [...Buffer.from(path)].map((byte) =>
    /[\w./-]/.test(String.fromCharCode(byte)) && byte < 128
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, "0")}`,
  );
  return `"${escaped.join("")}"`;
}

function text(output: Buffer): string {
  return output.toString().trim();
}
