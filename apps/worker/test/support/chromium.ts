import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { findProgram } from "./requires.ts";

/** A browser of the test's own, with a profile that nobody used before. */
export interface Browser extends AsyncDisposable {
  readonly context: BrowserContext;
  /** A page; whatever it says on its console as an error, and whatever it throws, is collected in `complaints`. */
  open(url: string): Promise<Page>;
  readonly complaints: readonly string[];
}

const quiet = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startChromium(options: BrowserContextOptions = {}): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), "headstart-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findProgram("chromium") ?? "chromium",
    args: quiet,
    viewport: { width: 1440, height: 900 },
    ...options,
  });
  const complaints: string[] = [];
  return {
    context,
    complaints,
    open: async (url) => {
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      await page.goto(url);
      return page;
    },
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
