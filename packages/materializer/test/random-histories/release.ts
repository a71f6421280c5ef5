import type { Projector } from "../../src/projector/projector.ts";
import { notesProjector } from "../support/notes-projector.ts";

/** Two releases of one projector, which processes run side by side during a rollout: the later one lets bad files be. */
export const releases = { old: release("1", "strict"), new: release("2", "lenient") } as const;

export type ReleaseName = keyof typeof releases;

function release(revision: string, policy: "strict" | "lenient"): Projector {
  return notesProjector({ revision, policy });
}
