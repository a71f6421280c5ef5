import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import pg from "pg";
import { inject } from "vitest";
import {
  createMaterializer,
  type Materializer,
  type MaterializerOptions,
} from "../../src/create-materializer.ts";
import type { GitLimits } from "../../src/git/git-limits.ts";
import type { Verification } from "../../src/proof/verify.ts";
import { gitHttpServer, type GitHttpServer } from "./git/git-http-server.ts";
import { scratchRepository, type ScratchOptions, type ScratchRepository } from "./git/scratch-repository.ts";
import { cloneDatabase } from "./materializer-database.ts";
import { notesProjector } from "./notes-projector.ts";

/** An upstream repository, a database and a materializer that projects the one into the other. */
export interface Project extends AsyncDisposable {
  readonly upstream: ScratchRepository;
  /** Serves the upstream when git is talked to over HTTP. */
  readonly server: GitHttpServer | undefined;
  /** Of the upstream, as the materializer talks to it. */
  readonly url: string;
  readonly databaseUrl: string;
  /** Where the first materializer keeps its mirrors. */
  readonly root: string;
  readonly db: pg.Pool;
  readonly materializer: Materializer;
  /** A second machine: its own mirrors, its own pool, the same database. */
  another(options?: Partial<MaterializerOptions>): Promise<Materializer>;
  /** Observes and builds until nothing is due. */
  settle(): Promise<void>;
  /** What readers see of a branch's notes, by key. */
  notes(branch: string): Promise<Record<string, unknown>>;
  /** Asserts nothing: the verification of every branch that the upstream has. */
  verifyAll(): Promise<Verification[]>;
}

export interface ProjectOptions extends Partial<MaterializerOptions> {
  readonly upstream?: ScratchOptions;
  /** How git is talked to. @default "file" */
  readonly over?: "file" | "http";
  readonly mirrorLimits?: Partial<GitLimits>;
  /** URL of the maintenance database of the server to use. @default the one that the run's tests share */
  readonly serverUrl?: string;
}

export async function openProject(options: ProjectOptions = {}): Promise<Project> {
  const { upstream: upstreamOptions, over = "file", mirrorLimits, serverUrl, ...given } = options;
  const stack: (() => Promise<unknown>)[] = [];
  const upstream = await scratchRepository(upstreamOptions);
  stack.push(async () => await upstream[Symbol.asyncDispose]());
  const server = over === "http" ? await gitHttpServer(dirname(upstream.directory)) : undefined;
  stack.push(async () => await server?.close());
  const database = await cloneDatabase(serverUrl ?? inject("serverUrl"));
  stack.push(async () => await database.drop());
  const roots: string[] = [];
  const another = async (more: Partial<MaterializerOptions> = {}): Promise<Materializer> => {
    const db = new pg.Pool({ connectionString: database.url, max: 8 });
    db.on("error", () => undefined);
    stack.push(async () => await db.end());
    const root = await mkdtemp(join(tmpdir(), "headstart-mirrors-"));
    await chmod(root, 0o755);
    roots.push(root);
    stack.push(async () => await rm(root, { recursive: true, force: true }));
    const materializer = createMaterializer({
      db,
      projectors: [notesProjector()],
      mirrors: { root, protocols: ["file", "http"], ...(mirrorLimits && { limits: mirrorLimits }) },
      ...given,
      ...more,
    });
    stack.push(async () => await materializer[Symbol.asyncDispose]());
    return materializer;
  };
  const materializer = await another();
  const db = new pg.Pool({ connectionString: database.url, max: 4 });
  db.on("error", () => undefined);
  stack.push(async () => await db.end());
  const url = server === undefined ? upstream.url : `${server.url}/${basename(upstream.directory)}`;
  const projector = (given.projectors ?? [notesProjector()])[0];
  await materializer.register({
    name: "handbook",
    url,
    projector: projector?.name ?? "notes",
  });
  const runner = materializer.inProcessRunner();
  return {
    upstream,
    server,
    url,
    databaseUrl: database.url,
    root: roots[0] ?? "",
    db,
    materializer,
    another,
    settle: async () => void (await runner.settle("handbook")),
    notes: async (branch) => await readNotes(db, branch),
    verifyAll: async () => {
      const refs = [...(await upstream.refs()).keys()];
      const projected = refs.filter(
        (ref) => ref === "refs/heads/main" || ref.startsWith("refs/heads/drafts/"),
      );
      return await Promise.all(
        projected.map(async (branch) => await materializer.verify({ repository: "handbook", branch })),
      );
    },
    [Symbol.asyncDispose]: async () => {
      for (const undo of stack.toReversed()) await undo();
    },
  };
}

async function readNotes(db: pg.Pool, branch: string): Promise<Record<string, unknown>> {
  const { rows } = await db.query<{ key: string; text: unknown }>(
    `select key, data ->> 'text' as text from headstart_materializer.branch_rows
     where repository = 'handbook' and ref = $1 order by key`,
    [`refs/heads/${branch}`],
  );
  return Object.fromEntries(rows.map(({ key, text }) => [key, text]));
}

/** The content of a note file. */
export function note(text: string, links: readonly string[] = []): string {
  return JSON.stringify({ text, links });
}
