import { createServer, type Server } from "node:http";
import {
  type Bootstrap,
  type BootResult,
  type Following,
  formatMetrics,
  formatPosition,
  type Model,
} from "@headstart/projection-bootstrap";
import { activity } from "./activity.ts";
import { runs } from "./runs.ts";
import { threads } from "./threads.ts";

export interface Served {
  readonly bootstrap: Bootstrap;
  readonly booted: BootResult;
  readonly following: Following;
}

/** The models in memory as JSON over HTTP; the caller listens and closes. */
export function createModelServer(served: Served): Server {
  return createServer((request, response) => {
    const reply = (status: number, text: string, type = "application/json; charset=utf-8"): void => {
      response.writeHead(status, { "content-type": type });
      response.end(text);
    };
    const url = URL.parse(request.url ?? "/", "http://localhost");
    answer(url?.pathname ?? "/", url?.searchParams ?? new URLSearchParams(), served).then(
      ({ status = 200, value, text }) =>
        text === undefined
          ? reply(status, `${JSON.stringify(value)}\n`)
          : reply(status, text, "text/plain; version=0.0.4"),
      (error: unknown) =>
        reply(500, `${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`),
    );
  });
}

interface Answer {
  readonly status?: number;
  readonly value?: unknown;
  readonly text?: string;
}

async function answer(path: string, query: URLSearchParams, served: Served): Promise<Answer> {
  const { bootstrap, booted, following } = served;
  if (path === "/health") return health(served);
  if (path === "/metrics") {
    const observed = { boot: booted.report, following: following.health };
    return { text: formatMetrics(await bootstrap.status(), observed) };
  }
  const value = read(booted.model, path, query);
  return value === undefined ? { status: 404, value: { error: `nothing at "${path}"` } } : { value };
}

/** 503 while the log cannot be looked at: what is served then is true, and grows old. */
function health({ booted: { kind, model, report }, following }: Served): Answer {
  const { healthy, listening, eventsRead } = following.health;
  return {
    status: healthy ? 200 : 503,
    value: {
      healthy,
      listening,
      eventsRead,
      boot: kind,
      position: formatPosition(model.position),
      projections: report.projections.map(({ name, mode, rows, applied }) => ({ name, mode, rows, applied })),
    },
  };
}

function read(model: Model, path: string, query: URLSearchParams): unknown {
  const [, collection, ...rest] = path.split("/").map(decodeURIComponent);
  const key = rest.join("/");
  if (path === "/position") return { position: formatPosition(model.position) };
  if (collection === "runs") return key === "" ? latestRuns(model, query) : model.get(runs, `run/${key}`);
  if (collection === "activity" && key !== "") {
    const days = model.query(activity, { where: ({ repository }) => String(repository) === key });
    return days.length === 0 ? undefined : days.sort((a, b) => (a.day < b.day ? -1 : 1));
  }
  if (collection === "threads" && key !== "") return model.get(threads, key);
  return undefined;
}

function latestRuns(model: Model, query: URLSearchParams): unknown {
  const status = query.get("status");
  const limit = Number(query.get("limit") ?? 10);
  const found = model.query(runs, { where: (run) => status === null || run.status === status });
  return found.sort((a, b) => (a.requestedAt > b.requestedAt ? -1 : 1)).slice(0, limit);
}
