import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { pageFiles } from "../page-files.ts";

interface PageFile {
  readonly body: string;
  readonly etag: string;
  readonly type: string;
}

const types: Readonly<Record<string, string>> = {
  "index.html": "text/html; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
};

/** The page at `/` and its files, read once when they are first asked for. All its links are relative; what
 * it may do is said by the server's headers, the same for every answer. */
export function pageRoutes({ directory = pageFiles }: { directory?: URL } = {}): Hono {
  const app = new Hono();
  const files = new Map<string, Promise<PageFile | undefined>>();
  const fileOf = (name: string): Promise<PageFile | undefined> => {
    const known = files.get(name) ?? readPageFile(directory, name);
    files.set(name, known);
    return known;
  };
  for (const name of Object.keys(types)) {
    app.get(name === "index.html" ? "/" : `/${name}`, async (c) => {
      const file = await fileOf(name);
      if (file === undefined) {
        files.delete(name);
        return c.text("The page is not built. In a checkout: pnpm --filter @headstart/worker build\n", 503);
      }
      const headers = { etag: file.etag, "cache-control": "no-cache" };
      if (c.req.header("if-none-match")?.replace(/^W\//, "") === file.etag) return c.body(null, 304, headers);
      return c.body(file.body, 200, { ...headers, "content-type": file.type });
    });
  }
  return app;
}

async function readPageFile(directory: URL, name: string): Promise<PageFile | undefined> {
  const body = await readFile(new URL(name, directory), "utf8").catch(() => undefined);
  if (body === undefined) return undefined;
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 20)}"`;
  return { body, etag, type: types[name] ?? "text/plain" };
}
