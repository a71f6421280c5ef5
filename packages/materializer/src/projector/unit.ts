import type { Json } from "../documents/json.ts";
import type { Problem } from "../documents/problem.ts";

export interface SelectedFile {
  kind: string;
  /** Files of one unit are assembled together, and again only when one of them changed. */
  unit: string;
}

export interface UnitFile {
  path: string;
  kind: string;
  /** Of the blob, in hex. */
  oid: string;
  /** As git writes it: `100644`, `100755`, `120000`. */
  mode: string;
  /** What `parse` gave for the blob. Only the projector that parsed it can read it. */
  document: Json;
}

export interface Row {
  collection: string;
  /** Unique in its collection. */
  key: string;
  data: Json;
}

export interface ContentIssue extends Problem {
  path: string;
}

export interface AssembledUnit {
  rows: Row[];
  issues: ContentIssue[];
}
