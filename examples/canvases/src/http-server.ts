import { createServer, type Server } from "node:http";
import type { Database } from "./database.ts";
import { recentRuns } from "./recent-runs.ts";
import { repositoryActivity } from "./repository-activity.ts";
import { searchDocuments } from "./search-documents.ts";
import { similarDocuments } from "./similar-documents.ts";
import { viewCanvas } from "./view-canvas.ts";

/** The read side of canvases as JSON over HTTP; the caller listens and closes. */
export function createHttpServer(db: Database): Server {
  return createServer((request, response) => {
    const reply = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
      response.end(`${JSON.stringify(value)}\n`);
    };
    const address = readAddress(request.url ?? "/");
    if (address === undefined) {
      reply(400, { error: "this is no address" });
      return;
    }
    const { path, query } = address;
    answer(db, path, query).then(
      (value) => reply(value === undefined ? 404 : 200, value ?? { error: `nothing at "${path}"` }),
      (error: unknown) => reply(500, { error: error instanceof Error ? error.message : String(error) }),
    );
  });
}

interface Address {
  /** Decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** @returns `undefined` for what is no address, which anybody may send */
function readAddress(text: string): Address | undefined {
  try {
    const { pathname, searchParams } = new URL(text, "http://localhost");
    return { path: decodeURIComponent(pathname), query: searchParams };
  } catch {
    return undefined;
  }
}

async function answer(db: Database, path: string, query: URLSearchParams): Promise<unknown> {
  const repository = query.get("repository") ?? undefined;
  if (path === "/runs") return await recentRuns(db, { repository });
  if (path === "/search") return await searchDocuments(db, query.get("q") ?? "", { repository });
  if (path.startsWith("/canvases/")) return await viewCanvas(db, path.slice("/canvases/".length));
  if (path.startsWith("/activity/")) return await repositoryActivity(db, path.slice("/activity/".length));
  if (path.startsWith("/similar/")) return await similarDocuments(db, path.slice("/similar/".length));
  return undefined;
}
