import { defaultDocumentLimits } from "../../src/documents/document-limits.ts";
import type { AssembledUnit, Projector, UnitFile } from "../../src/projector/projector.ts";

/** Parses texts by path, as a build would, and fails for those that cannot be. */
export function unitFiles(projector: Projector, texts: Record<string, string>): UnitFile[] {
  return Object.entries(texts).map(([path, text]) => {
    const kind = projector.select(path)?.kind;
    if (kind === undefined) {
      throw new Error(`${path} is not selected`);
    }
    const { document, problems } = projector.parse(new TextEncoder().encode(text), {
      kind,
      limits: defaultDocumentLimits,
    });
    if (document === undefined) {
      throw new Error(`${path}: ${JSON.stringify(problems)}`);
    }
    return { path, kind, oid: "0".repeat(40), mode: "100644", document: document };
  });
}

export function assemble(projector: Projector, texts: Record<string, string>, unit = ""): AssembledUnit {
  return projector.assemble(unit, unitFiles(projector, texts));
}
