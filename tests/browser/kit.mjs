// What all browser tests share: a browser, its pages, and what every page has to be.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const PASSWORD = "correct horse battery";
export const SAMPLES = new URL("../../crates/sandbox/samples/", import.meta.url).pathname;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const IMAGES = new URL("../../docs/images/", import.meta.url).pathname;
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ARGUMENTS,
});
export const complaints = [];

/** A page of a browser of its own. */
export async function open(url, options = {}) {
  const context = await browser.newContext({
    baseURL: url, viewport: { width: 1280, height: 860 }, colorScheme: "light", ...options,
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
  page.on("console", (message) => {
    // A missing file is answered with 404 on purpose; refusals of the policy are never meant.
    if (message.type() === "error" && /policy|script|style/i.test(message.text())) {
      complaints.push(`${page.url()}: ${message.text()}`);
    }
  });
  return page;
}

/** No serious accessibility finding on the page as it is. */
export async function accessible(page, rules = undefined) {
  // Evaluated over the debugging protocol, which the page's policy does not concern.
  await page.evaluate(`${AXE}; undefined`);
  const found = await page.evaluate((only) => globalThis.axe.run(document, {
    resultTypes: ["violations"], ...(only ? { runOnly: only } : {}),
  }), rules);
  assert.ok(found.passes.length > (rules ? 0 : 10), "the checks ran");
  const serious = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const told = serious.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(told, [], `${page.url()} is accessible`);
}

/** Presses Tab until the wanted element has the focus, as somebody without a pointer would. */
export async function tabTo(page, wanted) {
  for (let press = 0; press < 120; press += 1) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`${wanted} cannot be reached by Tab`);
}

/** The page fits its width: nothing but marked regions scrolls sideways. */
export async function fits(page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${page.url()} is ${over} px too wide`);
}

export async function picture(page, name, options = {}) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${IMAGES}${name}.png`, ...options });
}

export async function send(page, number, dialect, media) {
  await page.goto(`/console/handsets?number=${number}`);
  await page.getByRole("radio", { name: dialect }).check();
  await page.getByLabel("With").selectOption(media);
  const form = page.locator("form[action='/console/handsets/send']");
  await form.getByRole("button", { name: "Send" }).click();
  await page.waitForURL(/\/console\/messages\//);
}

export async function signIn(page, name, password = PASSWORD) {
  await page.goto("/console");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}
