import { PgSnapshotError } from "../errors.ts";

/** The inputs were edited while the database was built from them; nothing was kept. */
export class InputsChangedError extends PgSnapshotError {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "InputsChangedError",
      writable: true,
      configurable: true,
    });
  }

  /** Manifests before and after the build. */
  readonly before: string;
  readonly after: string;

  constructor(target: string, before: string, after: string) {
    super(
      "INPUTS_CHANGED",
      `inputs of "${target}" changed while it was being built, so the result matches neither the old nor the new content and was not kept`,
      { hint: "run it again once the files are settled" },
    );
    this.before = before;
    this.after = after;
  }
}
