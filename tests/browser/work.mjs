// What people change in the console: files, plans, money, secrets, their password.
import assert from "node:assert/strict";
import { PASSWORD, SAMPLES, accessible, fits, open, picture, signIn } from "./kit.mjs";

/** Says yes to the next question of a page. */
function agree(page) {
  page.once("dialog", (dialog) => dialog.accept());
}

/** Files are uploaded, shown, checked for a channel, and removed. */
export async function keepFiles(url) {
  const page = await open(url);
  await page.goto("/console/media");
  const files = ["jpg", "webp", "mp4", "ogg", "pdf"].map((kind) => `${SAMPLES}sample.${kind}`);
  await page.getByLabel("Files for sandbox").setInputFiles(files);
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByText("Kept. Messages can name it by its id.").waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll(".thumb img")].every((image) => image.naturalWidth > 0));
  await page.goto("/console/media");
  assert.equal(await page.locator(".files > li").count(), files.length);
  await picture(page, "console-media");

  await page.getByRole("link", { name: /sample\.mp4/ }).click();
  await page.waitForFunction(() => document.querySelector(".preview video")?.videoWidth > 0);
  await page.getByRole("row", { name: /WhatsApp video all others yes/ }).waitFor();
  await page.getByRole("row", { name: /WhatsApp image all others no/ }).waitFor();
  await accessible(page);
  agree(page);
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByText("The file is removed.").waitFor();
  assert.equal(await page.locator(".files > li").count(), files.length - 1);

  await page.getByLabel("Link, or id of a kept file").fill(`${url}/sandbox/media/sample.jpg`);
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByText("It passes.").waitFor();
  await page.getByLabel("Shown as").selectOption("video");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByText("It would not be sent.").waitFor();
  await accessible(page);
  await page.context().close();
}

/** A plan is checked, written, used by the next message, and given up. */
export async function writeAPlan(url) {
  const page = await open(url);
  await page.goto("/console/scenarios/plans?account=sandbox");
  await page.getByLabel("Caller's own step waits").fill("300 ms");
  await page.getByLabel("Channel of step 1").selectOption("viber");
  await page.getByLabel("Channel of step 2").selectOption("sms");
  await page.getByLabel("Text of step 2").fill("By SMS: {text}");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByText("never sent").waitFor();
  await page.getByText(/Worst case/).waitFor();
  await accessible(page);
  await page.getByLabel("Channel of step 1").selectOption("sms");
  await page.getByLabel("Channel of step 2").selectOption("");
  await page.getByLabel("Text of step 1").fill("By SMS: {text}");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved. The plans count").waitFor();
  await page.goto("/console/scenarios/plans?account=sandbox");
  await accessible(page);
  await fits(page);
  await picture(page, "console-plans");

  await page.goto("/console/handsets?number=15550100002");
  await page.getByRole("radio", { name: "Webex Connect" }).check();
  await page.getByLabel("With").selectOption("nothing");
  await page.locator("form[action='/console/handsets/send']").getByRole("button", { name: "Send" }).click();
  await page.getByText("Delivered on step 2 of 2 (SMS).").waitFor();
  await page.getByText(/text: By SMS: Buy one/).waitFor();

  await page.goto("/console/scenarios/plans?account=sandbox");
  agree(page);
  await page.getByRole("button", { name: "Back to the configuration's plans" }).click();
  await page.getByText("The configuration's plans count again.").waitFor();
  await page.context().close();
}

/** Money is put into an account, and a payment counts once. */
export async function putMoneyIn(url) {
  const page = await open(url);
  await page.goto("/console/accounts");
  await page.getByRole("link", { name: "100.00 EUR" }).click();
  for (const [amount, number] of [["250.00", "INV-1042"], ["-12.50", ""]]) {
    await page.getByLabel("Amount in EUR").fill(amount);
    await page.getByLabel("Number of the payment").fill(number);
    agree(page);
    await page.getByRole("button", { name: "Put in" }).click();
    await page.getByText("The money is in the ledger.").waitFor();
  }
  await page.getByText("337.50 EUR").waitFor();
  await page.goto("/console/accounts/sandbox/balance");
  await page.getByRole("row", { name: /top up 250.00 350.00 payment INV-1042/ }).waitFor();
  await picture(page, "console-balance");
  await page.getByLabel("Amount in EUR").fill("250.00");
  await page.getByLabel("Number of the payment").fill("INV-1042");
  agree(page);
  await page.getByRole("button", { name: "Put in" }).click();
  await page.getByText("Nothing was changed.").waitFor();
  await page.context().close();
}

/** Tokens and credentials are shown once. */
export async function makeSecrets(url) {
  const page = await open(url);
  await page.goto("/console/people/tokens");
  await page.getByLabel("Name").fill("export");
  await page.getByRole("button", { name: "Make it" }).click();
  const token = await page.locator("#token").textContent();
  const asked = await fetch(`${url}/api/v1/overview`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(asked.status, 200);
  await accessible(page);
  await page.getByRole("link", { name: "To all tokens" }).click();
  assert.ok(!(await page.content()).includes(token), "never shown again");
  agree(page);
  await page.getByRole("button", { name: "Revoke export" }).click();
  await page.getByText("Revoked.").waitFor();
  await page.goto("/console/accounts/sandbox");
  await page.getByLabel("API of the new credentials").selectOption("webex_connect");
  await page.getByRole("button", { name: "Make new credentials" }).click();
  await page.getByText("Shown only now.").waitFor();
  await page.getByText("[account.dialects.webex_connect]").waitFor();
  await accessible(page);
  await page.context().close();
}

/** An administrator adds somebody, who then takes a password of their own. */
export async function changeOnesPassword(url, administrator) {
  await administrator.goto("/console/people");
  await administrator.getByLabel("Name").fill("ann");
  await administrator.getByLabel("Password").fill(PASSWORD);
  await administrator.getByRole("button", { name: "Save" }).click();
  await administrator.getByText("The person can sign in now.").waitFor();
  const ann = await open(url);
  await signIn(ann, "ann");
  await ann.getByRole("link", { name: "ann" }).click();
  await ann.getByLabel("The old one").fill(PASSWORD);
  await ann.getByLabel("The new one", { exact: true }).fill("my own good password");
  await ann.getByLabel("The new one again").fill("my own good password");
  await accessible(ann);
  await ann.getByRole("button", { name: "Change" }).click();
  await ann.getByText("The password is changed.").waitFor();
  await ann.getByRole("button", { name: "Sign out" }).click();
  await signIn(ann, "ann", "my own good password");
  await ann.getByRole("heading", { name: "Overview" }).waitFor();
  await ann.context().close();
}
