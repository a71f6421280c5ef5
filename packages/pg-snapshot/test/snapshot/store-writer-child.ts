import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { directoryStore } from "../../src/snapshot/directory-store.ts";

// Saves one snapshot after the other until it is killed, and says before which step of the work it stands.
const [directory = "", target = ""] = process.argv.slice(2);
const store = directoryStore(directory, { writable: true });
for (let round = 0; ; round++) {
  const fingerprint = randomBytes(8).toString("hex");
  await store.write(
    {
      target,
      fingerprint,
      files: [],
      dump: { compression: "none" },
      pgDumpVersion: "15.1",
      serverVersion: "15.1",
      encoding: "UTF8",
      extensions: [],
      strip: [],
      databaseSettings: [],
      buildMs: null,
      createdAt: new Date(0).toISOString(),
    },
    async (path) => {
      process.stdout.write("dumping\n");
      await writeFile(path, randomBytes(200_000));
      process.stdout.write("dumped\n");
    },
  );
  process.stdout.write("saved\n");
}
