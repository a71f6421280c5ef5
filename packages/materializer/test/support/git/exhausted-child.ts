import { closeSync, openSync } from "node:fs";
import { GitError } from "../../../src/git/git-error.ts";
import { ObjectReader } from "../../../src/git/object-reader.ts";
import { redactor } from "../../../src/git/redact.ts";
import { runGit } from "../../../src/git/run-git.ts";

/** Asks git for something with all, and all but a few, of its descriptors in use, and says how each went. */
const [repository = "", fewest = "0", most = "0"] = process.argv.slice(2);
const environment = { PATH: process.env["PATH"] ?? "", GIT_DIR: repository };
const options = { environment, redact: redactor([]), timeoutMs: 60_000 };

function holdAllBut(free: number): number[] {
  const held: number[] = [];
  try {
    for (;;) held.push(openSync("/dev/null", "r"));
  } catch {
    for (const descriptor of held.splice(0, free)) closeSync(descriptor);
    return held;
  }
}

async function kindOf(ask: () => Promise<unknown>): Promise<string> {
  try {
    await ask();
    return "answered";
  } catch (error) {
    return error instanceof GitError ? error.kind : String(error);
  }
}

async function ask(): Promise<string[]> {
  await using reader = new ObjectReader(options);
  return [
    await kindOf(async () => await runGit(["version"], options)),
    await kindOf(async () => await reader.info(["HEAD"])),
  ];
}

const answers: string[][] = [];
for (let free = Number(fewest); free <= Number(most); free += 1) {
  const held = holdAllBut(free);
  answers.push(await ask());
  for (const descriptor of held) closeSync(descriptor);
}
answers.push(await ask());
process.stdout.write(JSON.stringify(answers));
