import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { plainEnvironment } from "./run-plain-git.ts";

/** What goes wrong on purpose. Tests set and delete these while the server runs. */
export interface GitHttpFaults {
  /** 401 to whoever does not come with exactly this. */
  basicAuth?: { readonly username: string; readonly password: string } | undefined;
  /** This answer instead of git's, as often as `times` says, else always. */
  answer?:
    | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; times?: number }
    | undefined;
  /** Requests for this are taken and never answered: `"pack"` is the transfer, `"any"` everything. */
  hang?: "any" | "pack" | undefined;
  /** The connection is cut after this many bytes of a transferred pack. */
  cutPackAfterBytes?: number | undefined;
  /** Nothing more comes after this many bytes of a transferred pack that has more, and the connection stays. */
  stallPackAfterBytes?: number | undefined;
}

export interface GitHttpRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly authorization: string | undefined;
}

/** Serves the bare repositories below a folder by the smart protocol, as forges do. */
export interface GitHttpServer extends AsyncDisposable {
  /** Of the folder, without a slash at the end: append `/name.git`. */
  readonly url: string;
  readonly port: number;
  readonly faults: GitHttpFaults;
  /** Every request so far, in order; tests may empty it. */
  readonly requests: GitHttpRequest[];
  /** Resolves when a request is being left without an answer. */
  readonly hanging: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function gitHttpServer(folder: string): Promise<GitHttpServer> {
  const faults: GitHttpFaults = {};
  const requests: GitHttpRequest[] = [];
  let hangs = 0;
  const waiting = new Set<() => void>();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "GET", url = "/", headers } = request;
    requests.push({ method, url, authorization: headers.authorization });
    const body = await bodyOf(request);
    if (faults.hang === "any" || (faults.hang === "pack" && isPack(method, body))) {
      hangs += 1;
      for (const tell of waiting) tell();
      waiting.clear();
    } else if (!refused(faults, request, response)) answer(folder, { request, body, response, faults });
  };
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const port = await listen(server);
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    faults,
    requests,
    hanging: async () => {
      if (hangs === 0) await new Promise<void>((resolve) => waiting.add(resolve));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** By the protocol's second version refs and packs are asked for at one address; questions for refs are short. */
function isPack(method: string, body: Buffer): boolean {
  return method === "POST" && !body.subarray(0, 64).includes("command=ls-refs");
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function refused(faults: GitHttpFaults, request: IncomingMessage, response: ServerResponse): boolean {
  const { basicAuth, answer: canned } = faults;
  if (canned !== undefined && canned.times !== 0) {
    if (canned.times !== undefined) canned.times -= 1;
    response.writeHead(canned.status, canned.headers).end();
    return true;
  }
  if (basicAuth === undefined) return false;
  const expected = Buffer.from(`${basicAuth.username}:${basicAuth.password}`).toString("base64");
  if (request.headers.authorization === `Basic ${expected}`) return false;
  response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
  return true;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly response: ServerResponse;
  readonly faults: GitHttpFaults;
}

/** Runs `git http-backend` for one request, by the rules of CGI. */
function answer(folder: string, { request, body, response, faults }: Exchange): void {
  const { pathname, search } = new URL(request.url ?? "/", "http://server");
  const header = (name: string): string => String(request.headers[name] ?? "");
  const backend = spawn("git", ["-c", "safe.directory=*", "http-backend"], {
    env: {
      ...plainEnvironment,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: header("content-type"),
      CONTENT_LENGTH: String(body.length),
      HTTP_CONTENT_ENCODING: header("content-encoding"),
      GIT_PROTOCOL: header("git-protocol"),
      REMOTE_ADDR: "127.0.0.1",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  backend.stdin.on("error", () => undefined);
  backend.stdin.end(body);
  response.on("close", () => backend.kill("SIGKILL"));
  let head: Buffer | undefined = Buffer.alloc(0);
  let sent = 0;
  let stalled = false;
  backend.stdout.on("data", (chunk: Buffer) => {
    let content = chunk;
    if (head !== undefined) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      writeHead(response, head.toString("latin1", 0, end));
      content = head.subarray(end + 4);
      head = undefined;
    }
    const [cutAt, stallAt] = isPack(request.method ?? "GET", body)
      ? [faults.cutPackAfterBytes, faults.stallPackAfterBytes]
      : [];
    const most = cutAt ?? stallAt;
    response.write(content.subarray(0, most === undefined ? undefined : Math.max(0, most - sent)));
    sent += content.length;
    if (stallAt !== undefined && sent > stallAt) stalled = true;
    // Ended rather than destroyed: what was written before still arrives.
    if (cutAt !== undefined && sent > cutAt) request.socket.end();
  });
  backend.stdout.on("end", () => {
    if (head !== undefined) response.writeHead(500);
    if (!stalled) response.end();
  });
}

function writeHead(response: ServerResponse, head: string): void {
  let status = 200;
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    if (name === "status") status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}
