import { databaseUrl, explainSqlError, PgSnapshotError, resolveConnection } from "@headstart/pg-snapshot";
import {
  type Bootstrap,
  createBootstrap,
  type Projection,
  ProjectionError,
} from "@headstart/projection-bootstrap";
import pg from "pg";
import { CliError } from "../../cli-error.ts";
import type { CommandContext } from "../../command-context.ts";
import { loadConfig, type LoadedConfig } from "../../config/load-config.ts";
import { workOnPool } from "../../database/work-on-pool.ts";
import { openServer } from "../../server/open-server.ts";
import { didYouMean } from "../../suggest.ts";
import { loadProjections } from "./load-projections.ts";

export interface DatabaseFlags {
  /** A database of the same server instead of the one that the address names. */
  readonly database?: string | undefined;
}

/** What a command about projections works with. */
export interface OpenProjections {
  readonly bootstrap: Bootstrap;
  readonly pool: pg.Pool;
  readonly projections: readonly Projection[];
  /** The projections that were named, or all. */
  readonly choose: (names: readonly string[]) => string[];
}

/** Connections beside those that rows are loaded with. */
const connections = 6;

/** Bounded is how long connecting takes, and not how long one waits for a connection that others work on. */
class Client extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    super({ ...config, connectionTimeoutMillis: 10_000 });
  }
}

/**
 * Runs a command on the project's projections and its database. No command boots, so each works whatever state the
 * projections are in. A signal ends it whatever the database waits for.
 *
 * @throws {CliError} `PROJECTIONS_UNCONFIGURED`, `PROJECTIONS_INVALID`, `USAGE`
 * @throws {PgSnapshotError} what the database's errors mean
 */
export async function withProjections<Result>(
  context: CommandContext,
  flags: DatabaseFlags,
  work: (open: OpenProjections) => Promise<Result>,
  { mindsSignal = false }: { readonly mindsSignal?: boolean } = {},
): Promise<Result> {
  const loaded = await loadConfig(context);
  const options = await loadProjections(loaded);
  const { projections } = options;
  await using address = await openDatabase(loaded, context, flags);
  const pool = new pg.Pool({
    connectionString: address.url,
    max: Math.max(connections, (options.readers ?? 0) + 1),
    Client,
  });
  // A connection that rests when the server goes away: the next query says so.
  pool.on("error", () => undefined);
  try {
    const bootstrap = createBootstrap({ ...options, pool });
    const open = {
      bootstrap,
      pool,
      projections,
      choose: (names: readonly string[]) => choose(projections, names),
    };
    const manner = { signal: context.signal, name: "headstart projections", mindsSignal };
    return await workOnPool(pool, manner, async () => await work(open));
  } catch (error) {
    throw explainError(error);
  } finally {
    await pool.end();
  }
}

function choose(projections: readonly Projection[], names: readonly string[]): string[] {
  const known = projections.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names.length === 0 ? known : [...new Set(names)];
  throw new ProjectionError("PROJECTION_UNKNOWN", `no projection "${unknown}"${didYouMean(unknown, known)}`, {
    hint: `it is one of: ${known.join(", ")}`,
  });
}

interface Address extends AsyncDisposable {
  readonly url: string;
}

async function openDatabase(
  { config }: LoadedConfig,
  context: CommandContext,
  { database }: DatabaseFlags,
): Promise<Address> {
  const { environment } = context;
  const variable = config.projections?.address ?? "DATABASE_URL";
  const given = environment[variable] || undefined;
  if (given !== undefined) {
    const settings = resolveConnection(given, environment);
    return { url: databaseUrl(settings, database), [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  if (database === undefined) {
    throw new CliError("USAGE", `the variable ${variable} names no database`, {
      hint: `set it: ${variable}=postgres://… headstart projections …, or name a database of the configured server by --database`,
    });
  }
  const server = await openServer(config.server, context);
  const url = databaseUrl(resolveConnection(server.url, environment), database);
  return { url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Errors of the database become ones with a code and a fix; whatever is no error of a database stays what it is. */
function explainError(error: unknown): unknown {
  if (error instanceof CliError || error instanceof ProjectionError || error instanceof PgSnapshotError)
    return error;
  const isDatabases =
    error instanceof pg.DatabaseError ||
    error instanceof AggregateError ||
    (error instanceof Error && ("syscall" in error || /connection|timeout expired/i.test(error.message)));
  return isDatabases ? explainSqlError(error, "working on the projections") : error;
}
