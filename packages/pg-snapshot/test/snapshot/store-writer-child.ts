import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { draft } from "./drafts.ts";

/**
 * Saves a snapshot as often as told, and says so. With a step given, it is killed just before its so many-th
 * change to the file system: `<directory> <target> <times> [step]`.
 */
const [directory = "", target = "", times = "1", step] = process.argv.slice(2);

if (step !== undefined) await dieBefore(Number(step));
// After that, so that the store works with the functions that count.
const { directoryStore } = await import("../../src/snapshot/directory-store.ts");
const store = directoryStore(directory, { writable: true });
for (let round = 0; round < Number(times); round++) {
  const fingerprint = randomBytes(8).toString("hex");
  await store.write(draft(target, fingerprint), async (path) => {
    await fs.writeFile(path, randomBytes(20_000));
  });
  writeSync(1, `saved ${fingerprint}\n`);
}

async function dieBefore(fatal: number): Promise<void> {
  let steps = 0;
  const counting =
    (name: string, original: (...args: never[]) => unknown) =>
    (...args: never[]): unknown => {
      if (++steps === fatal) {
        writeSync(1, `killed before ${name}\n`);
        process.kill(process.pid, "SIGKILL");
      }
      return original(...args);
    };
  for (const name of ["mkdir", "writeFile", "rename", "rm"] as const) {
    Object.assign(fs, { [name]: counting(name, fs[name] as (...args: never[]) => unknown) });
  }
  const handle = await fs.open(directory, "r");
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const sync = Reflect.get(prototype, "sync") as () => Promise<void>;
  prototype.sync = async function (this: typeof handle) {
    await counting("sync", async () => await sync.call(this))();
  };
  syncBuiltinESMExports();
}
