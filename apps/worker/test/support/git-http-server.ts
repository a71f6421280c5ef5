import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gitEnvironment } from "./scratch-repository.ts";

/** Serves the bare repositories below a folder by git's smart protocol, as forges do. */
export interface GitHttpServer extends AsyncDisposable {
  /** Append `/content.git`. */
  readonly url: string;
  /** Tests may change these while it runs. */
  readonly behaviour: {
    /** 401 to whoever does not come with exactly this. */
    basicAuth?: { readonly username: string; readonly password: string };
    /** Requests are taken and never answered. */
    hang?: boolean;
  };
  /** How many requests came so far. */
  readonly requests: () => number;
}

/** @param host the address it listens on */
export async function gitHttpServer(folder: string, host = "127.0.0.1"): Promise<GitHttpServer> {
  const behaviour: GitHttpServer["behaviour"] = {};
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const { basicAuth, hang } = behaviour;
    const expected =
      basicAuth && Buffer.from(`${basicAuth.username}:${basicAuth.password}`).toString("base64");
    if (hang === true) return;
    if (expected !== undefined && request.headers.authorization !== `Basic ${expected}`) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
    } else answer(folder, request, response);
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    behaviour,
    requests: () => requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Runs `git http-backend` for one request, by the rules of CGI. */
function answer(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? "/", "http://server");
  const header = (name: string): string => String(request.headers[name] ?? "");
  const backend = spawn("git", ["-c", "safe.directory=*", "http-backend"], {
    env: {
      ...gitEnvironment,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: header("content-type"),
      HTTP_CONTENT_ENCODING: header("content-encoding"),
      GIT_PROTOCOL: header("git-protocol"),
      REMOTE_ADDR: "127.0.0.1",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  backend.stdin.on("error", () => undefined);
  request.pipe(backend.stdin);
  response.on("close", () => backend.kill("SIGKILL"));
  let head = Buffer.alloc(0);
  const onHead = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    backend.stdout.off("data", onHead);
    writeHead(response, head.toString("latin1", 0, end));
    response.write(head.subarray(end + 4));
    backend.stdout.on("data", (rest: Buffer) => response.write(rest));
  };
  backend.stdout.on("data", onHead);
  backend.stdout.on("end", () => response.end());
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
