import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { onTestFinished } from "vitest";
import { openMirror, type Mirror, type MirrorOptions } from "../../../src/git/mirror.ts";
import { gitHttpServer, type GitHttpServer } from "./git-http-server.ts";
import { scratchRepository, type ScratchOptions, type ScratchRepository } from "./scratch-repository.ts";

export type Transport = "file" | "http";

/** An upstream, the way to it, and mirrors of it. All of it ends with the test. */
export interface MirrorFixture {
  readonly upstream: ScratchRepository;
  readonly server: GitHttpServer;
  readonly url: string;
  /** The folder of the mirrors. */
  readonly root: string;
  readonly open: (options?: Partial<MirrorOptions>) => Promise<Mirror>;
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "headstart-git-"));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function mirrorFixture(
  transport: Transport = "file",
  options: Omit<ScratchOptions, "directory"> = {},
): Promise<MirrorFixture> {
  const upstreams = await temporaryFolder();
  const root = await temporaryFolder();
  const upstream = await scratchRepository({ ...options, directory: join(upstreams, "content.git") });
  const server = await gitHttpServer(upstreams);
  onTestFinished(async () => await server.close());
  const url = transport === "file" ? upstream.url : `${server.url}/${basename(upstream.directory)}`;
  return {
    upstream,
    server,
    url,
    root,
    open: async (settings = {}) => {
      const mirror = await openMirror({ root, url, protocols: ["file", "http"], ...settings });
      onTestFinished(async () => await mirror[Symbol.asyncDispose]());
      return mirror;
    },
  };
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}
