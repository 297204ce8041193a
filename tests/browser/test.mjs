// What people do in the console, in a real browser: send from the form, watch the phone, read the
// timeline, replay a callback, keep files, write plans, sign in as each role. Every page is also
// checked for accessibility and for anything that the content security policy refused.
import assert from "node:assert/strict";
import { PASSWORD, accessible, browser, complaints, fits, open, picture, send, signIn, tabTo } from "./kit.mjs";
import { passwordHash, startSandbox } from "./sandbox.mjs";
import { changeOnesPassword, keepFiles, makeSecrets, putMoneyIn, writeAPlan } from "./work.mjs";

const ROLES = ["look", "act", "administer"];

/** A message is sent from the form; its page explains the fallback while it happens. */
async function sendAndReadTheTimeline(url) {
  const page = await open(url);
  await send(page, "15558675309", "Telesign", "a picture");
  // No reload by hand: the page refreshes itself.
  await page.getByText("Delivered on step 2 of 2 (SMS).").waitFor();
  await page.getByText("WhatsApp is given up: Not delivered in the time set for this step").waitFor();
  await page.getByText("SMS says it is delivered").waitFor();
  await page.getByRole("row", { name: /delivered.*done/ }).waitFor();
  await page.getByText("Request", { exact: true }).click();
  await page.getByText("POST /v1/omnichannel").waitFor();
  await page.getByText("Request", { exact: true }).click();
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
  const one = await open(url);
  const first = async (path, prefix) => {
    await one.goto(path);
    return one.locator(`main a[href^="${prefix}"]`).first().getAttribute("href");
  };
  const paths = [
    await first("/console/messages", "/console/messages/"),
    await first("/console/media", "/console/media/files/"),
    "/console/accounts/sandbox/balance", "/console/scenarios/plans", "/console/people/tokens", "/console/me",
    "/console", "/console/messages", "/console/handsets", "/console/handsets/15550101234", "/console/networks",
    "/console/callbacks", "/console/media", "/console/accounts", "/console/accounts/sandbox",
    "/console/scenarios", "/console/people", "/console/people/audit",
  ];
  await one.context().close();
  const phone = { viewport: { width: 360, height: 740 }, colorScheme: "dark", deviceScaleFactor: 1 };
  const light = { ...phone, colorScheme: "light" };
  const look = async (options, rules = undefined) => {
    const page = await open(url, options);
    for (const path of paths) {
      await page.goto(path);
      await fits(page);
      await accessible(page, rules);
    }
    await page.context().close();
  };
  await Promise.all([look({}), look(phone)]);
  // What the other theme can change is colours.
  await Promise.all([look({ colorScheme: "dark" }, ["color-contrast"]), look(light, ["color-contrast"])]);
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
  // From the navigation to a phone's message without a pointer.
  await page.goto("/console");
  const main = page.getByRole("navigation", { name: "Main" });
  await tabTo(page, main.getByRole("link", { name: "Handsets" }));
  await page.keyboard.press("Enter");
  const form = page.locator("form[action='/console/handsets/send']");
  await form.waitFor();
  await tabTo(page, form.getByLabel("To"));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("15550103333");
  await tabTo(page, form.getByRole("button", { name: "Send" }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Message to 15550103333" }).waitFor();
  await tabTo(page, page.getByRole("link", { name: "JSON" }));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/json$/);
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
      if (role === "administer") await changeOnesPassword(sandbox.url, page);
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

const sandbox = await startSandbox(["account[sandbox].balance={currency='EUR',initial='100.00'}"]);
let failed = false;
try {
  const tests = [
    sendAndReadTheTimeline, watchThePhone, replayACallback, pauseARoute, keepFiles, writeAPlan, putMoneyIn, makeSecrets,
    useTheKeyboard, lookAtEveryPage, signInAsEachRole,
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
