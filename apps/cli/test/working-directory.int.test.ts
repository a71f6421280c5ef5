import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, test } from "vitest";

test("a folder that was removed under the shell is told as what it is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "headstart-gone-"));
  // The loader of the sources needs a folder itself, so all is loaded before it goes.
  const program = `
    import { rmdirSync } from "node:fs";
    const { workingDirectory } = await import(${JSON.stringify(fileURLToPath(new URL("../src/working-directory.ts", import.meta.url)))});
    process.chdir(${JSON.stringify(folder)});
    rmdirSync(${JSON.stringify(folder)});
    try {
      workingDirectory();
    } catch ({ code, message, hint }) {
      console.log(JSON.stringify({ code, message, hint }));
    }`;
  const tsx = fileURLToPath(import.meta.resolve("tsx"));
  const flags = ["--conditions=@headstart/source", "--import", tsx, "--input-type=module", "--eval", program];
  const { stdout } = await execa(process.execPath, flags);
  expect(JSON.parse(stdout)).toEqual({
    code: "CONFIG_MISSING",
    message: "the present folder does not exist any more",
    hint: 'go to where it is now: cd "$PWD", or to another folder',
  });
});
