// Loaded into a worker by tests: at SIGUSR2 it collects garbage and logs what the process holds then.
import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
let measured = 0;

process.on("SIGUSR2", () => {
  collect();
  // What the first pass released by finalizers goes in the second.
  setImmediate(() => {
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    const openFiles = readdirSync("/proc/self/fd").length;
    const line = { at: new Date().toISOString(), level: "info", event: "test.held" };
    process.stdout.write(
      `${JSON.stringify({ ...line, measurement: (measured += 1), rss, heapUsed, external, openFiles })}\n`,
    );
  });
});
