import type { Counters } from "./stage.ts";

const firstRun = 9_000_000_000;

export function createCounters(): Counters {
  let runs = firstRun;
  const numbers = new Map<number, number>();
  const runNumbers = new Map<string, number>();
  return {
    nextRun: () => runs++,
    nextNumber: (repository) => increment(numbers, repository.id),
    nextRunNumber: (repository, workflow) => increment(runNumbers, `${repository.id}/${workflow}`),
  };
}

function increment<Key>(map: Map<Key, number>, key: Key): number {
  const next = (map.get(key) ?? 0) + 1;
  map.set(key, next);
  return next;
}
