import { parseArgs } from "node:util";
import { execa } from "execa";

/**
 * Runs the soak test for as long as one likes: `pnpm soak --minutes 60 [--seed 17]`. Faults follow each other, and
 * after each round of them everything is proven; the first failure ends it and tells the seed.
 */
const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is no time`);
const { exitCode } = await execa("vitest", ["run", "test/soak", "--disable-console-intercept"], {
  cwd: new URL("..", import.meta.url),
  preferLocal: true,
  reject: false,
  stdio: "inherit",
  env: {
    HEADSTART_SOAK_MINUTES: String(minutes),
    HEADSTART_SOAK_SEED: values.seed ?? String(Math.floor(Math.random() * 2 ** 32)),
  },
});
process.exitCode = exitCode ?? 1;
