// Keeps the marked parts of a page fresh: asks for the page again and exchanges what changed.
// Without this script everything works, and a reload refreshes.
"use strict";
(() => {
  const parts = [...document.querySelectorAll("[data-live]")];
  const button = document.querySelector("[data-live-switch]");
  const pause = Number(document.querySelector("[data-every]")?.dataset.every || 2000);
  let on = true;
  let failures = 0;
  let fetching = false;

  // What somebody is using right now is left alone.
  const inUse = (part) => {
    const focused = document.activeElement;
    if (focused && part.contains(focused) && focused.matches("input, select, textarea, button, summary")) return true;
    if ([...part.querySelectorAll("audio, video")].some((media) => !media.paused)) return true;
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  };

  const exchange = (fresh) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (!next || next.innerHTML === part.innerHTML || inUse(part)) continue;
      const open = [...part.querySelectorAll("details[id]")].filter((one) => one.open).map((one) => one.id);
      const scrolled = [...part.querySelectorAll("[data-keep-scroll]")].map((one) => {
        const atEnd = one.scrollTop + one.clientHeight >= one.scrollHeight - 8;
        return [one.id, atEnd ? Infinity : one.scrollTop];
      });
      const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      part.replaceChildren(...[...next.childNodes].map((node) => document.importNode(node, true)));
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      for (const [id, top] of scrolled) {
        const one = document.getElementById(id);
        if (one) one.scrollTop = Math.min(top, one.scrollHeight);
      }
      if (focused) [...part.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === focused)?.focus();
    }
  };

  const refresh = async () => {
    if (!on || fetching || document.hidden) return;
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
      if (!answer.ok) throw new Error(String(answer.status));
      exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
      failures = 0;
    } catch {
      failures += 1;
    } finally {
      fetching = false;
    }
    document.documentElement.classList.toggle("stale", failures > 1);
  };

  if (parts.length > 0) {
    const loop = async () => {
      await refresh();
      setTimeout(loop, pause * Math.min(1 + failures, 10));
    };
    setTimeout(loop, pause);
  }
  if (button) {
    button.hidden = parts.length === 0;
    button.addEventListener("click", () => {
      on = !on;
      button.setAttribute("aria-pressed", String(on));
      if (on) refresh();
    });
  }

  // On narrow screens the navigation scrolls sideways: where one is, is shown.
  const here = document.querySelector(".side nav [aria-current]");
  const bar = here?.closest("nav");
  if (bar) bar.scrollLeft = here.offsetLeft - bar.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2;

  for (const one of document.querySelectorAll("[data-keep-scroll]")) one.scrollTop = one.scrollHeight;

  // Copies the text of the element named.
  document.addEventListener("click", async (event) => {
    const copier = event.target.closest?.("[data-copy]");
    if (!copier) return;
    const text = document.getElementById(copier.dataset.copy)?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text.trim());
      const before = copier.textContent;
      copier.textContent = "Copied";
      setTimeout(() => { copier.textContent = before; }, 1200);
    } catch { /* the text can be selected by hand */ }
  });
  for (const copier of document.querySelectorAll("[data-copy]")) copier.hidden = false;

  // Choices that take effect at once; without the script their form has a button.
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-submit]")) event.target.form.requestSubmit();
  });

  // Forms that ask before something that cannot be undone.
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset?.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });

  // "/" goes to the search box.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.("input, select, textarea")) return;
    event.preventDefault();
    document.getElementById("find")?.focus();
  });
})();
