import { PgSnapshotError, type PgSnapshotErrorCode } from "./errors.ts";

interface Explanation {
  readonly code: PgSnapshotErrorCode;
  readonly hint?: string;
}

/** SQLSTATEs a user can act on: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const bySqlState: Readonly<Record<string, Explanation>> = {
  "28P01": { code: "AUTHENTICATION_FAILED", hint: "check user and password (URL, PGPASSWORD or .pgpass)" },
  "28000": { code: "AUTHENTICATION_FAILED", hint: "check the user and the server's pg_hba.conf" },
  "42501": {
    code: "PERMISSION_DENIED",
    hint: "connect as the role that owns it or as a superuser, or have the right granted",
  },
  "53100": {
    code: "DISK_FULL",
    hint: "free space on the server's disk; `headstart prune` drops unused templates",
  },
  "53300": { code: "TOO_MANY_CONNECTIONS", hint: "raise max_connections or run fewer processes at once" },
  "55006": { code: "DATABASE_IN_USE", hint: "close the sessions that are connected to it" },
  "58P01": { code: "EXTENSION_MISSING", hint: "install the extension's files on the server" },
  "57P01": {
    code: "SERVER_UNREACHABLE",
    hint: "the server was shut down or the session was ended: run it again",
  },
  "57P02": { code: "SERVER_UNREACHABLE", hint: "the server crashed: look at its log, then run it again" },
  "57P03": {
    code: "SERVER_UNREACHABLE",
    hint: "the server is starting or stopping: run it again in a moment",
  },
};

/** System errors of a connection, and what node-postgres says when a connection ends under a query. */
const connectionErrors = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "EPIPE",
  "08000",
  "08001",
  "08003",
  "08004",
  "08006",
]);
/** Where the server found the right lacking, by the name of its C function: unlike the message it is in no language. */
const mayNotCreate: Explanation = {
  code: "PERMISSION_DENIED",
  hint: "give the role the right to create databases: ALTER ROLE <role> CREATEDB",
};
const connectionMessages =
  /connection terminated|client has encountered a connection error|timeout expired|not queryable|client was closed/i;
const passwordMessages = /client password must be a(?: non-empty)? string|SASL/i;
/** Postgres reports a full disk under several SQLSTATEs (53100, but also 58030 and XX000 from a child). */
const diskFullMessage = /no space left on device|disk full/i;

/**
 * What an error of node-postgres means to the person who has to fix it.
 *
 * @param doing what was being done, as a phrase: `creating database "x"`
 */
export function explainSqlError(error: unknown, doing: string): PgSnapshotError {
  if (error instanceof PgSnapshotError) return error;
  const { code: sqlState, message, routine } = asRecord(error);
  const explain = ({ code, hint }: Explanation): PgSnapshotError =>
    new PgSnapshotError(code, `${doing}: ${message}`, { hint, cause: error });

  if (diskFullMessage.test(message)) return explain(bySqlState["53100"] as Explanation);
  if (sqlState === "42501" && routine === "createdb") return explain(mayNotCreate);
  const known = sqlState === undefined ? undefined : bySqlState[sqlState];
  if (known) return explain(known);
  if (passwordMessages.test(message)) {
    return explain({
      code: "AUTHENTICATION_FAILED",
      hint: "the server asks for a password: set PGPASSWORD or .pgpass",
    });
  }
  if ((sqlState !== undefined && connectionErrors.has(sqlState)) || connectionMessages.test(message)) {
    return explain({
      code: "SERVER_UNREACHABLE",
      hint: "start the server, or check host and port of its address",
    });
  }
  if (sqlState === "0A000" && /extension .* is not available/.test(message)) {
    return explain(bySqlState["58P01"] as Explanation);
  }
  return explain({ code: "QUERY_FAILED" });
}

/** SQLSTATE of an error of node-postgres, also below a {@link PgSnapshotError}. */
export function sqlStateOf(error: unknown): string | undefined {
  return asRecord(error instanceof PgSnapshotError ? error.cause : error).code;
}

/** Runs `work` and explains what it throws. */
export async function explained<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainSqlError(error, doing);
  }
}

interface ErrorRecord {
  readonly code: string | undefined;
  readonly message: string;
  readonly routine: unknown;
}

function asRecord(error: unknown): ErrorRecord {
  if (error instanceof AggregateError && error.errors.length > 0) return asRecord(error.errors[0]);
  const record = (typeof error === "object" && error !== null ? error : {}) as {
    code?: unknown;
    message?: unknown;
    routine?: unknown;
  };
  return {
    code: typeof record.code === "string" ? record.code : undefined,
    message: typeof record.message === "string" ? record.message : String(error),
    routine: record.routine,
  };
}
