import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { BrowserContextOptions, Page } from "playwright-core";
import { builtPage } from "../support/built-page.ts";
import { startChromium } from "../support/chromium.ts";
import { ordinaryDay } from "../support/demo.ts";
import { requires } from "../support/requires.ts";
import { openStatusServer, TOKEN } from "../support/status-server.ts";

const images = fileURLToPath(new URL("../../docs/images/", import.meta.url));

interface Picture {
  readonly name: string;
  readonly options: BrowserContextOptions;
  readonly path?: string;
}

const desktop = { width: 1440, height: 900 };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true };

const pictures: readonly Picture[] = [
  { name: "status-light", options: { colorScheme: "light", viewport: desktop } },
  { name: "status-dark", options: { colorScheme: "dark", viewport: desktop } },
  { name: "branch-light", options: { colorScheme: "light", viewport: desktop }, path: "branch" },
  { name: "workers-dark", options: { colorScheme: "dark", viewport: desktop }, path: "workers" },
  { name: "repositories-light", options: { colorScheme: "light", viewport: desktop }, path: "repositories" },
  { name: "status-phone", options: { colorScheme: "light", ...phone } },
  { name: "branch-phone-dark", options: { colorScheme: "dark", ...phone }, path: "branch" },
];

/** With HEADSTART_IMAGES=1 the pictures of the documentation are made anew; else they are made and thrown away. */
requires("chromium")("pictures of the page, each below 300 kB", async () => {
  const folder =
    process.env["HEADSTART_IMAGES"] === "1" ? images : await mkdtemp(join(tmpdir(), "headstart-images-"));
  await using page = await builtPage();
  await using server = await openStatusServer({ token: TOKEN, page: page.directory, begin: false });
  await ordinaryDay(server);
  server.begin();
  const { branches } = await server.statusWhen("the day", ({ totals }) => totals.states.building === 2);
  const failing = branches.find(({ error }) => (error?.issues ?? 0) > 1);
  const selected = new URLSearchParams({ in: failing?.repository ?? "", branch: failing?.branch ?? "" });
  for (const { name, options, path } of pictures) {
    await using browser = await startChromium(options);
    const query = path === "branch" ? selected.toString() : `view=${path ?? "branches"}`;
    const open = await browser.open(`${server.url}/?${query}`);
    await drawn(open, path);
    const file = join(folder, `${name}.png`);
    await open.screenshot({ path: file });
    expect((await stat(file)).size).toBeLessThan(300_000);
    expect(browser.complaints).toEqual([]);
  }
  if (folder !== images) await rm(folder, { recursive: true });
});

async function drawn(page: Page, path: string | undefined): Promise<void> {
  await page.locator(".row, .data td").first().waitFor({ state: "attached" });
  if (path === "branch") await page.locator(".issues li").first().waitFor();
}
