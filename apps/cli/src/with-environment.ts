import { syncBuiltinESMExports } from "node:module";

/** What replaces the environment at present, the last one in front; the first is the real one. */
const layers: { readonly environment: NodeJS.ProcessEnv }[] = [];

/**
 * Runs `work` with another `process.env`, also for those who import `env` from "node:process". It is the whole
 * process's: while two run at once the later one's holds, and when both have ended it is as it was.
 */
export async function withEnvironment<T>(environment: NodeJS.ProcessEnv, work: () => Promise<T>): Promise<T> {
  if (layers.length === 0) layers.push({ environment: process.env });
  const layer = { environment };
  layers.push(layer);
  showLast();
  try {
    return await work();
  } finally {
    layers.splice(layers.indexOf(layer), 1);
    showLast();
    if (layers.length === 1) layers.pop();
  }
}

function showLast(): void {
  process.env = layers.at(-1)?.environment ?? process.env;
  syncBuiltinESMExports();
}
