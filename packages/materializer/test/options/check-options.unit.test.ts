import pg from "pg";
import { expect, test } from "vitest";
import { createMaterializer, MaterializerError, type MaterializerOptions } from "../../src/index.ts";
import { notesProjector } from "../support/notes-projector.ts";

/** Options whose database and mirrors nobody ever asks. */
const good: MaterializerOptions = {
  db: new pg.Pool({ host: "database.invalid" }),
  projectors: [notesProjector()],
  mirrors: { root: "/nonexistent" },
};

function refusal(options: object): unknown {
  try {
    createMaterializer({ ...good, ...options });
  } catch (error) {
    return error;
  }
  return undefined;
}

const wrong: readonly (readonly [string, object, string])[] = [
  [
    "history",
    { settings: { history: 0 } },
    "settings.history: 0 was given; allowed: a whole number from 1 to",
  ],
  [
    "leaseMs",
    { settings: { leaseMs: Number.NaN } },
    "settings.leaseMs: NaN was given; allowed: a whole number",
  ],
  ["maxAttempts", { settings: { maxAttempts: 1.5 } }, "settings.maxAttempts: 1.5 was given"],
  [
    "a time beyond what timers wait",
    { settings: { leaseMs: 2 ** 31 } },
    "settings.leaseMs: 2147483648 was given",
  ],
  ["a number as text", { settings: { history: "10" } }, 'settings.history: "10" was given'],
  [
    "pollMaxMs",
    { settings: { pollMinMs: 5_000, pollMaxMs: 1_000 } },
    "settings.pollMaxMs: 1000 was given; allowed: no less than pollMinMs",
  ],
  [
    "pollMinMs above the other's default",
    { settings: { pollMinMs: 3_600_000 } },
    "settings.pollMaxMs: nothing was given; allowed: no less than pollMinMs; the defaults are 45000 and 900000.",
  ],
  [
    "a misspelt setting",
    { settings: { histroy: 3 } },
    'settings: an object was given; allowed: only leaseMs, history, keepEventsMs, maxAttempts, pollMinMs, pollMaxMs, and not "histroy".',
  ],
  ["documentLimits", { documentLimits: { maxDepth: 0 } }, "documentLimits.maxDepth: 0 was given"],
  [
    "maxPathBytes",
    { mirrors: { root: "/m", limits: { maxPathBytes: 1_601 } } },
    "mirrors.limits.maxPathBytes: 1601 was given; allowed: a whole number from 1 to 1600.",
  ],
  ["root", { mirrors: { root: "" } }, 'mirrors.root: "" was given; allowed: text of 1 to 4096 characters'],
  [
    "protocols",
    { mirrors: { root: "/m", protocols: ["https", "ext"] } },
    'mirrors.protocols.1: "ext" was given; allowed: https, http, ssh or file.',
  ],
  ["projectors", { projectors: [{}] }, "projectors.0: an object was given; allowed: a projector"],
  [
    "two projectors of one name",
    { projectors: [notesProjector(), notesProjector({ revision: "2" })] },
    'projectors.1.name: "notes" was given; allowed: a name that no other projector has.',
  ],
  ["db", { db: "postgres://h/d" }, 'db: "postgres://h/d" was given; allowed: a pg.Pool'],
];

test.each(wrong)("%s is refused by its name, with what was given and what is allowed", (_, options, said) => {
  const error = refusal(options);
  expect(error).toBeInstanceOf(MaterializerError);
  expect(error).toMatchObject({ code: "OPTION_INVALID", message: expect.stringContaining(said) });
});

test("all that is wrong is told at once", () => {
  expect(refusal({ settings: { history: 0, leaseMs: -1 }, worker: "" })).toMatchObject({
    message: expect.stringMatching(/^createMaterializer .*\n.*worker.*\n.*leaseMs.*\n.*history.*$/),
  });
});

test("a credential that stands where a function has to is not told", () => {
  const said = String(refusal({ mirrors: { root: "/m", credential: "t0ken-of-somebody" } }));
  expect(said).toContain("mirrors.credential: a string was given; allowed: a function.");
  expect(said).not.toContain("t0ken");
});

test("an option that is there and undefined has its default, and the least of each is enough", () => {
  const settings = { leaseMs: undefined, history: 1, maxAttempts: 1, pollMinMs: 1, pollMaxMs: 1 };
  expect(refusal({ settings, worker: undefined, documentLimits: { maxAliases: 0 } })).toBeUndefined();
});

test("calls check theirs before they ask the database", async () => {
  const materializer = createMaterializer(good);
  const handler = (): Promise<void> => Promise.resolve();
  const main = { repository: "handbook", branch: "main" };
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["claim", async () => await materializer.claim({ limit: 0 })],
    ["claim", async () => await materializer.claim({ only: { repository: "a\0" } })],
    ["run", async () => await materializer.run({ signal: new AbortController().signal, idleMs: 0 })],
    ["run", async () => await materializer.run({ signal: new AbortController().signal, observers: 0.5 })],
    ["consume", async () => await materializer.consume({ consumer: "", handler })],
    ["consume", async () => await materializer.consume({ consumer: "c", handler, limit: -1 })],
    ["asOf", async () => await materializer.asOf(main, { time: new Date("nonsense") })],
    ["asOf", async () => await materializer.asOf(main, undefined as never)],
    [
      "hint",
      async () => await materializer.hint({ ...main, pushedBy: "somebody" }, { ...main, branch: "a\0" }),
    ],
    ["hint", async () => await materializer.hint({ ...main, pushedBy: "a\0" })],
    ["redrive", async () => await materializer.redrive({ ...main, branch: "a\0" })],
    ["A call that names a repository", async () => await materializer.observe("a\0")],
    ["A call that names a repository", async () => await materializer.tips(undefined as never)],
    ["A call that names a branch", async () => await materializer.branch({ ...main, branch: "a\0" })],
    [
      "A call that names a branch",
      async () => await materializer.history({ ...main, branch: undefined as never }),
    ],
  ];
  for (const [name, call] of calls) {
    await expect(call()).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringMatching(new RegExp(`^${name} cannot work with its options.\n`)),
    });
  }
});
