/** One JSON document a line. `event` is a stable, dotted name; facts go into `fields`. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Errors become their code, message, hint and causes. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  readonly write: (line: string) => void;
  /** Takes secrets out of every text. */
  readonly redact: (text: string) => string;
  /** Said in every line. */
  readonly fields?: LogFields;
}

const longest = 8_000;

export function createLog({ write, redact, fields: always = {} }: LogOptions): Log {
  const say =
    (level: string) =>
    (event: string, fields: LogFields = {}): void => {
      const line = { at: new Date().toISOString(), level, event, ...always, ...fields };
      write(`${JSON.stringify(line, (_, value: unknown) => loggable(value, redact))}\n`);
    };
  return { info: say("info"), warn: say("warn"), error: say("error") };
}

function loggable(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return shortened(redact(value));
  if (typeof value === "bigint") return String(value);
  return value instanceof Error ? describeError(value) : value;
}

/** Postgres puts rows and queries into `detail` and `query`: only what is made to be read is taken. */
function describeError(error: Error): LogFields {
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  return {
    name: error.name,
    ...(typeof code === "string" && { code }),
    message: error.message === "" ? firstMessage(error) : error.message,
    ...(typeof hint === "string" && { hint }),
    ...(error.cause instanceof Error && { cause: error.cause }),
    ...(error instanceof AggregateError && error.errors.length > 0 && { errors: error.errors.slice(0, 5) }),
  };
}

/** Node's failed connections are aggregates without words of their own. */
function firstMessage(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return first instanceof Error ? first.message : error.name;
}

function shortened(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
