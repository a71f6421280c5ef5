import { randomUUID } from "node:crypto";
import { customAlphabet } from "nanoid";

/** Letters and digits only: nanoid's own alphabet has `-` and `_`, and a ref's last part must not begin with `-`. */
const shortId = customAlphabet("0123456789abcdefghijklmnopqrstuvwxyz", 21);

/** A name for a new draft, unlike any other: `drafts/<21 letters and digits>`, or `drafts/<uuid>`. */
export function newDraftBranchName({ id = "nanoid" }: { id?: "nanoid" | "uuid" } = {}): string {
  return `drafts/${id === "uuid" ? randomUUID() : shortId()}`;
}
