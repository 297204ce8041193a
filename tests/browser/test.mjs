// What people do in the console, in a real browser: send from the form, watch the phone, read the
// timeline, replay a callback, sign in as each role. Every page is also checked for accessibility
// and for anything that the content security policy refused.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { passwordHash, startSandbox } from "./sandbox.mjs";

const PASSWORD = "correct horse battery";
const ROLES = ["look", "act", "administer"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const IMAGES = new URL("../../docs/images/", import.meta.url).pathname;
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ARGUMENTS,
});
const complaints = [];

/** A page of a browser of its own. */
async function open(url, options = {}) {
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
async function accessible(page) {
  // Evaluated over the debugging protocol, which the page's policy does not concern.
  await page.evaluate(`${AXE}; undefined`);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.ok(found.passes.length > 10, "the checks ran");
  const serious = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const told = serious.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(told, [], `${page.url()} is accessible`);
}

/** The page fits its width: nothing but marked regions scrolls sideways. */
async function fits(page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${page.url()} is ${over} px too wide`);
}

async function picture(page, name, options = {}) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${IMAGES}${name}.png`, ...options });
}

async function send(page, number, dialect, media) {
  await page.goto(`/console/handsets?number=${number}`);
  await page.getByRole("radio", { name: dialect }).check();
  await page.getByLabel("With").selectOption(media);
  const form = page.locator("form[action='/console/handsets/send']");
  await form.getByRole("button", { name: "Send" }).click();
  await page.waitForURL(/\/console\/messages\//);
}

async function signIn(page, name, password = PASSWORD) {
  await page.goto("/console");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** A message is sent from the form; its page explains the fallback while it happens. */
async function sendAndReadTheTimeline(url) {
  const page = await open(url);
  await send(page, "15558675309", "Telesign", "a picture");
  // No reload by hand: the page refreshes itself.
  await page.getByText("Delivered on step 2 of 2 (SMS).").waitFor();
  await page.getByText("WhatsApp is given up: Not delivered in the time set for this step").waitFor();
  await page.getByText("SMS says it is delivered").waitFor();
  await page.getByRole("row", { name: /delivered.*done/ }).waitFor();
  await accessible(page);
  await page.goto(page.url().split("?")[0]);
  await picture(page, "console-message");
  const message = page.url();
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Send again" }).click();
  await page.getByText("Sent again as a new message").waitFor();
  assert.notEqual(page.url().split("?")[0], message);
  await page.context().close();
}

/** The phone shows what arrives, with its media; its owner answers; it changes its behaviour. */
async function watchThePhone(url) {
  const page = await open(url);
  const watching = await open(url);
  await watching.goto("/console/handsets/15550101234");
  await watching.getByText("Nothing arrived yet.").waitFor();
  for (const [dialect, media] of [
    ["Telesign", "a document"], ["Webex Connect", "a video"], ["Messangi", "a voice note"], ["Infobip", "a picture"],
  ]) {
    await send(page, "15550101234", dialect, media);
  }
  const phone = watching.getByRole("region", { name: "Phone 15550101234" });
  await phone.locator("article.bubble.whatsapp").nth(3).waitFor();
  await phone.locator("video").waitFor();
  await phone.locator("audio").waitFor();
  const image = phone.locator("img");
  await image.scrollIntoViewIfNeeded();
  await watching.waitForFunction(() => document.querySelector(".bubble img")?.naturalWidth > 0);
  await phone.getByRole("link", { name: "sample.pdf" }).waitFor();
  await phone.getByLabel("Reply", { exact: true }).fill("Where is my parcel?");
  await phone.getByRole("button", { name: "Send" }).click();
  await watching.getByText("The reply is on its way to the business.").waitFor();
  await watching.getByLabel("Behaviour").selectOption("0001");
  await watching.getByRole("button", { name: "Set" }).click();
  await watching.getByText("The phone behaves differently from now on.").waitFor();
  await send(page, "15550101234", "Telesign", "nothing");
  await page.getByText("Delivered on step 2 of 2 (SMS).").waitFor();
  await watching.goto("/console/handsets/15550101234");
  await phone.locator("article.bubble.sms").waitFor();
  await accessible(watching);
  await picture(watching, "console-phone");
  await page.context().close();
  await watching.context().close();
}

/** A callback whose receiver fails is given up, shown, and replayed by a click. */
async function replayACallback(url) {
  const answer = await fetch(`${url}/resources/v1/messaging`, {
    method: "POST",
    headers: { key: "5c0f1e2a-3b4d-11ee-be56-0242ac120002", "content-type": "application/json" },
    body: JSON.stringify({
      deliverychannel: "whatsapp", appid: "a_1", destination: [{ waid: ["15550107777"] }],
      notifyurl: `${url}/sandbox/bin/browser?fail=1&status=404`,
      channels: { "OTT-Messaging": { wa: { type: "text", text: { body: "hello" } } } },
    }),
  });
  assert.ok(answer.ok, `${answer.status}`);
  const page = await open(url);
  await page.goto("/console/messages?number=15550107777");
  await page.getByRole("link", { name: "15550107777" }).click();
  await page.getByRole("button", { name: "Replay 1" }).click();
  await page.getByText("The callbacks are on their way again.").waitFor();
  await page.getByRole("button", { name: "Replay" }).waitFor({ state: "detached" });
  await page.goto("/console/callbacks");
  await page.getByText("No callback was given up.").waitFor();
  await page.context().close();
}

/** A route is paused and resumed. */
async function pauseARoute(url) {
  const page = await open(url);
  await page.goto("/console/networks");
  await page.getByRole("button", { name: "Pause sms" }).click();
  await page.getByRole("region", { name: "Route sms" }).getByText("paused").waitFor();
  await page.getByRole("button", { name: "Resume sms" }).click();
  await page.getByRole("region", { name: "Route sms" }).getByText("paused").waitFor({ state: "detached" });
  await page.context().close();
}

/** Every page in light and dark, wide and narrow, is accessible and fits. */
async function lookAtEveryPage(url) {
  const paths = [
    "/console", "/console/messages", "/console/handsets", "/console/handsets/15550101234", "/console/networks",
    "/console/callbacks", "/console/media", "/console/accounts", "/console/accounts/sandbox",
    "/console/scenarios", "/console/people", "/console/people/audit",
  ];
  const phone = { viewport: { width: 360, height: 740 }, colorScheme: "dark", deviceScaleFactor: 1 };
  for (const options of [{}, phone]) {
    const page = await open(url, options);
    for (const path of paths) {
      await page.goto(path);
      await fits(page);
      await accessible(page);
    }
    await page.context().close();
  }
  const wide = await open(url);
  await wide.goto("/console");
  await picture(wide, "console-overview");
  await wide.goto("/console/messages");
  await picture(wide, "console-messages");
  const narrow = await open(url, { ...phone, deviceScaleFactor: 1.5 });
  await narrow.goto("/console");
  await picture(narrow, "console-on-a-phone");
}

/** The keyboard alone leads past the navigation, and to the search. */
async function useTheKeyboard(url) {
  const page = await open(url);
  await page.goto("/console/messages");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "find");
  await page.keyboard.type("15558675309");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Message" }).waitFor();
  await page.context().close();
}

/** Each role signs in, sees what it may, and signs out. */
async function signInAsEachRole() {
  const hash = passwordHash(PASSWORD);
  const users = ROLES.map((role) => `{ name = "${role}", role = "${role}", password_hash = '${hash}' }`);
  const sandbox = await startSandbox([`console.users=[${users.join(", ")}]`]);
  try {
    const stranger = await open(sandbox.url);
    await signIn(stranger, "act", "wrong password");
    await stranger.getByText("Name or password is wrong.").waitFor();
    await accessible(stranger);
    for (const role of ROLES) {
      const page = await open(sandbox.url);
      await signIn(page, role);
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      const links = await page.getByRole("navigation", { name: "Main" }).getByRole("link").allTextContents();
      assert.equal(links.includes("Handsets"), role !== "look", role);
      assert.equal(links.includes("People"), role === "administer", role);
      if (role === "act") await send(page, "15550107777", "Telesign", "nothing");
      if (role === "administer") await page.goto("/console/people");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await page.goto("/console/messages");
      assert.match(page.url(), /sign-in/);
      await page.context().close();
    }
    const look = await open(sandbox.url);
    await signIn(look, "look");
    await look.goto("/console/messages");
    await look.getByRole("link", { name: "155******77" }).click();
    assert.ok(!(await look.content()).includes("15550107777"), "the number is hidden");
    assert.equal(await look.getByRole("button", { name: "Send again" }).count(), 0);
  } finally {
    await sandbox.stop();
  }
}

const sandbox = await startSandbox();
let failed = false;
try {
  const tests = [
    sendAndReadTheTimeline, watchThePhone, replayACallback, pauseARoute, useTheKeyboard, lookAtEveryPage, signInAsEachRole,
  ];
  for (const test of tests) {
    const began = Date.now();
    try {
      await test(sandbox.url);
      console.log(`ok    ${test.name} (${Date.now() - began} ms)`);
    } catch (error) {
      failed = true;
      console.error(`FAIL  ${test.name}\n${error.stack ?? error}`);
    }
  }
  if (complaints.length > 0) {
    failed = true;
    console.error(`FAIL  pages complained:\n${complaints.join("\n")}`);
  }
} finally {
  await browser.close();
  await sandbox.stop();
}
process.exit(failed ? 1 : 0);
