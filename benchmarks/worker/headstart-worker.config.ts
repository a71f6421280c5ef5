import { pages } from "./pages.ts";

/** What the benchmark decides comes by the environment; everything else is what a worker does by default. */
export default {
  projectors: [pages],
  ...(JSON.parse(process.env["BENCH_CONFIG"] ?? "{}") as Record<string, unknown>),
};
