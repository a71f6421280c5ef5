import { mkdir, rmdir } from "node:fs/promises";
import { holdFetchLock } from "../../../src/git/fetch-lock.ts";

/** Holds the lock so many times, and fails when anybody else does meanwhile; without a number, once and for ever. */
const [directory = "", times, inside = ""] = process.argv.slice(2);

if (times === undefined) {
  await holdFetchLock(directory);
  process.stdout.write("held\n");
  setInterval(() => undefined, 60_000);
} else {
  for (let time = 0; time < Number(times); time++) {
    await using _lock = await holdFetchLock(directory);
    await mkdir(inside);
    await new Promise((resolve) => setImmediate(resolve));
    await rmdir(inside);
  }
}
