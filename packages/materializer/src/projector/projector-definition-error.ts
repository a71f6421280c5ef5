/** A projector cannot be what it was defined as. Thrown where it is defined, before any file is read. */
export class ProjectorDefinitionError extends TypeError {
  readonly code = "PROJECTOR_INVALID";
  /** What to change in the definition. */
  readonly hint: string;

  constructor(message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ProjectorDefinitionError";
    this.hint = hint;
  }
}
