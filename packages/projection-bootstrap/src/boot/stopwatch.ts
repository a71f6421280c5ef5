import type { BootPhase } from "./boot-report.ts";

/** Milliseconds of each phase of a boot; a phase that runs more than once adds up. */
export class Stopwatch {
  readonly phases: Record<BootPhase, number> = {
    prepare: 0,
    classify: 0,
    repair: 0,
    load: 0,
    refold: 0,
    tail: 0,
    check: 0,
  };

  async time<Result>(phase: BootPhase, work: () => Promise<Result>): Promise<Result> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.phases[phase] += performance.now() - began;
    }
  }
}
