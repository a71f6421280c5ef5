/** What the process ends with; documented in the README and by `headstart help exit-codes`. */
export const exitCodes = {
  ok: 0,
  /** The answer is no: a stale snapshot, databases that differ, nothing to drop. */
  negative: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The configuration is wrong or absent. */
  config: 3,
  /** Something around is missing or refuses: server, password, right, tool, space. */
  environment: 4,
  /** The work itself failed: build, restore, dump, strip. */
  failed: 5,
  /** 128 + SIGINT. */
  interrupted: 130,
  /** 128 + SIGTERM. */
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
