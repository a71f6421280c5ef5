import type { Page } from "playwright-core";
import { expect } from "vitest";
import { builtPage } from "../support/built-page.ts";
import { startChromium } from "../support/chromium.ts";
import { ordinaryDay } from "../support/demo.ts";
import { requires } from "../support/requires.ts";
import { openStatusServer, TOKEN } from "../support/status-server.ts";

/**
 * Every text in sight and the colour that is really behind it, as contrast by WCAG 2.2: 4.5 for text, 3 for large one.
 * https://www.w3.org/TR/WCAG22/#contrast-minimum
 */
async function faintTexts(page: Page): Promise<string[]> {
  return await page.evaluate(() => {
    type Colour = readonly [red: number, green: number, blue: number, alpha: number];
    const parse = (text: string): Colour => {
      const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
      return [red, green, blue, alpha];
    };
    const over = (top: Colour, below: Colour): Colour => {
      const mix = (index: 0 | 1 | 2): number => top[index] * top[3] + below[index] * (1 - top[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const behind = (element: Element | null): Colour => {
      if (element === null) return parse(getComputedStyle(document.body).backgroundColor);
      const own = parse(getComputedStyle(element).backgroundColor);
      return own[3] === 1 ? own : over(own, behind(element.parentElement));
    };
    const luminance = ([red, green, blue]: Colour): number => {
      const linear = [red, green, blue].map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
    };
    const faint: string[] = [];
    let seen = 0;
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { textContent, parentElement: element } = texts.currentNode;
      if (
        element === null ||
        textContent?.trim() === "" ||
        element.closest(".hidden-text, noscript") !== null
      )
        continue;
      if (!element.checkVisibility({ checkOpacity: true })) continue;
      seen += 1;
      const style = getComputedStyle(element);
      const back = behind(element);
      const front = over(parse(style.color), back);
      const [dark = 0, light = 0] = [luminance(front), luminance(back)].toSorted((a, b) => a - b);
      const contrast = (light + 0.05) / (dark + 0.05);
      const size = Number.parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (contrast < (large ? 3 : 4.5)) {
        faint.push(
          `${contrast.toFixed(2)} ${style.color} on ${back.join(",")}: ${textContent?.trim().slice(0, 40)}`,
        );
      }
    }
    if (seen < 30) faint.push(`only ${seen} texts were in sight`);
    return faint;
  });
}

requires("chromium")("every text has enough contrast, in light and in dark", async () => {
  await using page = await builtPage();
  await using server = await openStatusServer({ token: TOKEN, page: page.directory, begin: false });
  await ordinaryDay(server);
  server.begin();
  await server.statusWhen("the day", ({ totals }) => totals.states.building === 2);
  for (const colorScheme of ["light", "dark"] as const) {
    await using browser = await startChromium({ colorScheme });
    const open = await browser.open(server.url);
    await open.locator(".row").first().waitFor();
    const ground = await open.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(ground).toBe(colorScheme === "dark" ? "rgb(18, 20, 24)" : "rgb(246, 246, 243)");
    expect(await faintTexts(open), `${colorScheme}, list`).toEqual([]);
    await open.locator(".row", { hasText: "Failing" }).first().click();
    await open.locator(".issues li").first().waitFor();
    // The row's colour is animated when it changes.
    expect(await faintTexts(open), `${colorScheme}, branch`).toEqual([]);
    for (const view of ["Repositories", "Workers", "Deliveries", "Activity"]) {
      await open.getByRole("navigation").getByRole("button", { name: view }).click();
      expect(await faintTexts(open), `${colorScheme}, ${view}`).toEqual([]);
    }
    await open.keyboard.press("?");
    await open.getByRole("dialog").waitFor();
    expect(await faintTexts(open), `${colorScheme}, help`).toEqual([]);
  }
});
