import { readFile } from "node:fs/promises";
import { WorkerError } from "../worker-error.ts";
import type { SecretSource } from "./secret-source.ts";

/** Reads secrets where they are needed, and takes every one that was read out of whatever is logged. */
export interface Secrets {
  /**
   * The secret as it is now: a file that was replaced is read anew.
   *
   * @throws WorkerError `SECRET_MISSING`
   */
  read(source: SecretSource): Promise<string>;
  /** The text without any secret that was ever read, and without the user part of URLs. */
  readonly redact: (text: string) => string;
}

/** Shorter ones would take common words out of the log, and guard nothing. */
const shortestRedacted = 4;

export function openSecrets(environment: Readonly<Record<string, string | undefined>>): Secrets {
  const forms = new Set<string>();
  return {
    read: async (source) => {
      const secret = "env" in source ? environment[source.env] : await readSecretFile(source.file);
      if (secret === undefined || secret === "") throw missing(source);
      for (const form of formsOf(secret)) forms.add(form);
      return secret;
    },
    redact: (text) => {
      let clean = text;
      for (const form of [...forms].toSorted((a, b) => b.length - a.length))
        clean = clean.replaceAll(form, "***");
      return clean.replace(/(\w:\/\/)[^/\s@"]*@/g, "$1***@");
    },
  };
}

async function readSecretFile(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).replace(/\r?\n$/, "");
  } catch (cause) {
    throw new WorkerError(
      "SECRET_MISSING",
      `The secret file ${JSON.stringify(file)} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? "unknown"}.`,
      { hint: "Mount it, and let the worker's user read it." },
    );
  }
}

function missing(source: SecretSource): WorkerError {
  return "env" in source
    ? new WorkerError(
        "SECRET_MISSING",
        `The variable ${source.env} is not set, and a secret is taken from it.`,
        {
          hint: `Set ${source.env} in the worker's environment, or change what names it in the configuration.`,
        },
      )
    : new WorkerError("SECRET_MISSING", `The secret file ${JSON.stringify(source.file)} is empty.`, {
        hint: "Write the secret into it.",
      });
}

/** A secret in each form in which a message may carry it. An address gives its password too. */
function formsOf(secret: string): string[] {
  // Postgres takes addresses without a host, which `URL` does not.
  const password = /^\w+:\/\/[^:@/?#]*:([^@/?#]*)@/.exec(secret)?.[1] ?? "";
  const parts = [secret, password, decoded(password)].filter((part) => part.length >= shortestRedacted);
  return parts.flatMap((part) => [
    part,
    encodeURIComponent(part),
    JSON.stringify(part).slice(1, -1),
    Buffer.from(part).toString("base64"),
  ]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
