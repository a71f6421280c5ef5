import { z } from "zod";
import { locate } from "../../deliveries/locate.ts";

/** Fields that payloads of several forges have. Everything else in a payload is left unread. */
export const text = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[^\0]*$/, "must not contain NUL");
export const address = z.string().max(4096);

/** A name to show; what is not one is left out, since nothing depends on it. */
export const personName = text.max(255).optional().catch(undefined);

/** @returns the addresses that name a repository, each once */
export function locations(addresses: readonly (string | null | undefined)[]): string[] {
  const found = addresses.map((one) => (typeof one === "string" ? locate(one) : undefined));
  return [...new Set(found.filter((location) => location !== undefined))];
}

/** Of more branches than this the repository is looked at as a whole. */
const MOST_REFS = 1_000;

/** What comes of refs that moved: a hint where branches are among them. */
export function readRefs(
  refs: readonly string[],
  hint: { locations: readonly string[]; pushedBy: string | undefined; dated: boolean },
) {
  const branches = [...new Set(refs.filter((ref) => ref.startsWith("refs/heads/")))];
  if (branches.length > 0)
    return { kind: "hint", ...hint, refs: branches.length > MOST_REFS ? [] : branches } as const;
  const tags = refs.every((ref) => ref.startsWith("refs/tags/"));
  const reason = tags ? "a tag moved, and no branch" : "neither a branch nor a tag moved";
  return { kind: "ignored", reason, locations: hint.locations } as const;
}

/** An event that says nothing about where branches point. */
export function movesNoBranch(event: string, found: readonly string[] = []) {
  return { kind: "ignored", reason: `the event ${event} moves no branch`, locations: found } as const;
}
