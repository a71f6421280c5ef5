import { holdFetchLock } from "../../../src/git/fetch-lock.ts";

await holdFetchLock(process.argv[2] ?? "");
process.stdout.write("held\n");
setInterval(() => undefined, 60_000);
