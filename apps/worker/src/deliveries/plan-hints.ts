/** A delivery that is due. */
export interface Pending {
  readonly id: string;
  readonly locations: readonly string[];
  /** Named by the sender itself; empty when only locations are known. */
  readonly repositories: readonly string[];
  readonly refs: readonly string[];
  readonly pushedBy: string | null;
  readonly attempts: number;
  readonly waitedSeconds: number;
}

/** What has become of it. */
export interface Settled {
  readonly id: string;
  readonly outcome: "applied" | "unknown-repository";
  readonly reason: string | null;
  readonly repositories: readonly string[];
  readonly waitedSeconds: number;
}

/** One look at a repository, or at one branch of it. */
export interface Hint {
  readonly repository: string;
  readonly branch?: string;
  readonly pushedBy?: string;
}

export interface Registered {
  readonly names: ReadonlySet<string>;
  readonly match: (locations: readonly string[]) => readonly string[];
}

/** Says which hints deliveries amount to, each once and in one order everywhere, and how each delivery ends. */
export function planHints(
  pending: readonly Pending[],
  { names, match }: Registered,
): { hints: Hint[]; settled: Settled[] } {
  const hints = new Map<string, Hint>();
  const settled: Settled[] = [];
  for (const delivery of pending) {
    const { id, locations, refs, pushedBy, waitedSeconds } = delivery;
    const repositories =
      delivery.repositories.length > 0
        ? delivery.repositories.filter((name) => names.has(name))
        : match(locations);
    for (const repository of repositories)
      for (const hint of hintsOf(repository, refs, pushedBy)) addTo(hints, hint);
    const known = repositories.length > 0;
    settled.push({
      id,
      outcome: known ? "applied" : "unknown-repository",
      reason: known ? null : unknownReason(delivery),
      repositories: known ? repositories : delivery.repositories,
      waitedSeconds,
    });
  }
  const keys = [...hints.keys()].toSorted();
  return { hints: keys.flatMap((key) => hints.get(key) ?? []), settled };
}

function hintsOf(repository: string, refs: readonly string[], pushedBy: string | null): Hint[] {
  // Who pushed is remembered for a branch; without one, a look at the repository is the same for all of them.
  if (refs.length === 0 || pushedBy === null) return [{ repository }];
  return refs.map((branch) => ({ repository, branch, pushedBy }));
}

/** Of two that push to a branch, the later one counts. */
function addTo(hints: Map<string, Hint>, hint: Hint): void {
  hints.set(JSON.stringify([hint.repository, hint.branch ?? ""]), hint);
}

function unknownReason({ locations, repositories }: Pending): string {
  const [place = "without an address"] = repositories.length > 0 ? repositories : locations;
  return `no repository is registered as ${place}`;
}
