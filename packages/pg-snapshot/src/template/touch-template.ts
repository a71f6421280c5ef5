import type { Owner } from "../owner.ts";
import { quoteIdentifier, quoteLiteral } from "../quote-identifier.ts";
import { PgSnapshotError } from "../errors.ts";
import type { TemplateDescription } from "./template-description.ts";

/** Least milliseconds between two notes of use: pruning by age needs no finer grain, and each is a write. */
const touchEveryMs = 3_600_000;

/**
 * Notes that a template is in use, for {@link planPrune}. Never waits: a clone being made holds the template's
 * lock, and then a template needs no note that it is in use.
 */
export async function touchTemplate(
  owner: Owner,
  name: string,
  description: TemplateDescription,
): Promise<void> {
  if (Date.now() - Date.parse(description.lastUsedAt) < touchEveryMs) return;
  const touched: TemplateDescription = { ...description, lastUsedAt: new Date().toISOString() };
  try {
    await owner.transaction(`noting the use of template "${name}"`, [
      "set local lock_timeout = '50ms'",
      `comment on database ${quoteIdentifier(name)} is ${quoteLiteral(JSON.stringify(touched))}`,
    ]);
  } catch (error) {
    // A template that another role owns can be used but not described.
    if (!(error instanceof PgSnapshotError) || error.code === "SERVER_UNREACHABLE") throw error;
  }
}
