import type { ProjectionState } from "./classify.ts";

/** What a boot does about each state that is neither `ready` nor `behind`. */
export interface BootPolicy {
  /** It was never built. @default "rebuild" */
  readonly absent?: "rebuild" | "refuse" | undefined;
  /** It is half built: go on, or wait for whoever does. @default "rebuild" */
  readonly building?: "rebuild" | "refuse" | undefined;
  /** Its rows were made by other code. Accepting is remembered, with the reason. @default "rebuild" */
  readonly staleCode?: "rebuild" | "refuse" | { readonly accept: string } | undefined;
  /** Its rows are gone, and its checkpoint is not. @default "rebuild" */
  readonly torn?: "rebuild" | "refuse" | undefined;
  /** Its rows know events that the log does not have. @default "refuse": find out first where the events went */
  readonly aheadOfLog?: "rebuild" | "refuse" | undefined;
  /** Some of its events are set aside, or it stopped at one. @default "serve": the report names the keys */
  readonly poisoned?: "serve" | "refuse" | undefined;
  /** It was rolled back, and this is the code that it was rolled back from. @default "refuse" */
  readonly rolledBack?: "rebuild" | "refuse" | undefined;
  /** The database was restored from elsewhere. @default "refuse" */
  readonly foreignCluster?: "restamp" | "refuse" | undefined;
  /** An event of the tail cannot be applied: fail, or keep its key as it was. @default "refuse" */
  readonly poisonEvent?: "set-aside" | "refuse" | undefined;
}

export type Remedy = "use" | "rebuild" | "restamp" | "refuse" | { readonly accept: string };

export function remedyFor(state: ProjectionState, policy: BootPolicy): Remedy {
  switch (state) {
    case "ready":
    case "behind":
      return "use";
    case "absent":
      return policy.absent ?? "rebuild";
    case "building":
      return policy.building ?? "rebuild";
    case "stale-code":
      return policy.staleCode ?? "rebuild";
    case "torn":
      return policy.torn ?? "rebuild";
    case "ahead-of-log":
      return policy.aheadOfLog ?? "refuse";
    case "cut-off":
      return "refuse";
    case "rolled-back":
      return policy.rolledBack ?? "refuse";
    case "foreign-cluster":
      return policy.foreignCluster ?? "refuse";
    case "poisoned":
      return policy.poisoned === "refuse" ? "refuse" : "use";
  }
}

/** What a refusal tells people to do. */
export function refusalHint(state: ProjectionState, name: string): string {
  switch (state) {
    case "foreign-cluster":
      return 'call restamp(pool) once, or boot with { policy: { foreignCluster: "restamp" } }';
    case "ahead-of-log":
      return `find out why events are gone, then call rebuild("${name}")`;
    case "cut-off":
      return "restore the events: nothing else brings these rows forward, and retentionFloor() says what may be cut";
    case "rolled-back":
      return `deploy the code of the active version, or call rebuild("${name}") to go forward again`;
    case "stale-code":
      return `call prebuild() before the deployment, or boot with { policy: { staleCode: "rebuild" } }`;
    case "poisoned":
      return `correct the projector or the event, then call redrive("${name}")`;
    default:
      return `call rebuild("${name}")`;
  }
}
