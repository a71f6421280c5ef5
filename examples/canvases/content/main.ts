import { resolve } from "node:path";
import { createContentRepository } from "./create-content-repository.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  console.error("Say where: node --import tsx content/main.ts <directory>");
  process.exitCode = 2;
} else {
  await createContentRepository(resolve(directory), {
    afterPush: ({ branch, oid, forced, author }) => {
      const what = oid === null ? "deleted" : `${forced ? "forced to " : ""}${oid}`;
      console.log(`${branch} ${what} by ${author}`);
    },
  });
}
