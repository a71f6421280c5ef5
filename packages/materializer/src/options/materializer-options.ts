import { z } from "zod";
import { defaultSettings } from "../context.ts";
import { defaultLimits } from "../git/git-limits.ts";
import { callback, milliseconds, options, text, wholeNumber } from "./allowed.ts";

/** Three thousand years in milliseconds: further back than that, Postgres has no date. */
const MOST_KEPT = 1e14;

const settings = options({
  leaseMs: milliseconds.optional(),
  history: wholeNumber(1).optional(),
  keepEventsMs: wholeNumber(1, MOST_KEPT).optional(),
  maxAttempts: wholeNumber(1).optional(),
  pollMinMs: milliseconds.optional(),
  pollMaxMs: milliseconds.optional(),
}).refine(
  ({ pollMinMs = defaultSettings.pollMinMs, pollMaxMs = defaultSettings.pollMaxMs }) =>
    pollMinMs <= pollMaxMs,
  {
    path: ["pollMaxMs"],
    error: `no less than pollMinMs; the defaults are ${defaultSettings.pollMinMs} and ${defaultSettings.pollMaxMs}`,
  },
);

const documentLimits = options({
  maxBytes: wholeNumber(1).optional(),
  maxDepth: wholeNumber(1).optional(),
  maxNodes: wholeNumber(1).optional(),
  maxAliases: wholeNumber(0).optional(),
  maxProblems: wholeNumber(1).optional(),
});

const bytes = wholeNumber(1, Number.MAX_SAFE_INTEGER);

const gitLimits = options({
  maxFiles: wholeNumber(1).optional(),
  maxFileBytes: bytes.optional(),
  maxTotalBytes: bytes.optional(),
  maxPathBytes: wholeNumber(1, defaultLimits.maxPathBytes).optional(),
  maxPathDepth: wholeNumber(1).optional(),
  maxRefs: wholeNumber(1).optional(),
  maxFetchBytes: bytes.optional(),
  maxObjectMemory: bytes.optional(),
});

const protocol = z.enum(["https", "http", "ssh", "file"], { error: "https, http, ssh or file" });

const mirrors = options({
  root: text(4096),
  protocols: z.array(protocol, { error: "a list of https, http, ssh or file" }).optional(),
  hosts: z.array(text(), { error: "a list of hosts, each as host or host:port" }).optional(),
  credential: callback.optional(),
  limits: gitLimits.optional(),
  timeoutMs: milliseconds.optional(),
});

const pool = z.custom(
  (value) => hasFunctions(value, ["connect", "query"]),
  "a pg.Pool, or what connects and queries like one",
);

const projector = z.custom<{ name: string }>(
  (value) =>
    hasFunctions(value, ["select", "parse", "assemble"]) &&
    "name" in value &&
    "identity" in value &&
    [value.name, value.identity].every((each) => typeof each === "string" && each !== ""),
  "a projector, as defineProjector gives it",
);

const projectors = z.array(projector, { error: "a list of projectors" }).superRefine((list, context) => {
  for (const [index, { name }] of list.entries()) {
    if (list.findIndex((other) => other.name === name) === index) continue;
    context.addIssue({
      code: "custom",
      path: [index, "name"],
      message: "a name that no other projector has",
    });
  }
});

/** What `createMaterializer` can work with. */
export const materializerOptions = options({
  db: pool,
  projectors,
  mirrors,
  worker: text().optional(),
  documentLimits: documentLimits.optional(),
  settings: settings.optional(),
});

function hasFunctions(value: unknown, names: readonly string[]): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === "function")
  );
}
