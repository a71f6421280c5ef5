import type { Materializer } from "../../src/create-materializer.ts";

/** A worker's loop beside the test; disposal ends it and waits for what was under way. */
export function runBeside(materializer: Materializer): AsyncDisposable {
  const ending = new AbortController();
  const running = materializer.run({ signal: ending.signal, idleMs: 20, onError: () => undefined });
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await running;
    },
  };
}
