import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll } from "vitest";
import { findProgram } from "./requires.ts";

/** A browser as somebody has it who was never here: what others stored or were allowed is not in it. */
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

/** One process for all tests of a file: starting it takes longer than most of them. */
let started: ReturnType<typeof chromium.launch> | undefined;
afterAll(async () => await (await started)?.close());

export async function startChromium(options: BrowserContextOptions = {}): Promise<Browser> {
  started ??= chromium.launch({ executablePath: findProgram("chromium") ?? "chromium", args: quiet });
  const context = await (await started).newContext({ viewport: { width: 1440, height: 900 }, ...options });
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
    [Symbol.asyncDispose]: async () => await context.close(),
  };
}
