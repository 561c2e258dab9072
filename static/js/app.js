// Everything works without this file; it adds sharing, copying and a word said aloud.
(() => {
  "use strict";

  const notices = () => document.getElementById("notices");
  const icons = document.querySelector("use")?.getAttribute("href").split("#")[0];

  function say(text, kind = "ok") {
    const box = document.createElement("div");
    box.className = kind === "quiet" ? "sr-only" : `notice is-${kind}`;
    box.textContent = text;
    if (kind !== "quiet") notices().replaceChildren();
    notices().append(box);
    setTimeout(() => box.remove(), kind === "ok" ? 5000 : 15000);
  }

  const fire = (element) => element.dispatchEvent(new CustomEvent("share"));

  function textOf(selector) {
    const source = selector && document.querySelector(selector);
    return source ? (source.value ?? source.textContent).trim() : "";
  }

  // The Clipboard API exists on https and localhost only; a selection works everywhere.
  async function copy(text) {
    if (navigator.clipboard && window.isSecureContext) {
      try {
        return await navigator.clipboard.writeText(text);
      } catch { /* Refused by the browser: the older way is still open. */ }
    }
    const focused = document.activeElement;
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr-only";
    area.readOnly = true;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
    if (!done) throw new Error("copy refused");
  }

  async function copyFrom(button) {
    const text = button.dataset.copyText || textOf(button.dataset.copy);
    try {
      await copy(text);
    } catch {
      document.querySelector(button.dataset.copy || "none")?.select?.();
      return say(notices().dataset.select, "warn");
    }
    const use = button.querySelector("use");
    if (use && icons && navigator.onLine) {
      use.setAttribute("href", `${icons}#check`);
      setTimeout(() => use.setAttribute("href", `${icons}#copy`), 2500);
    }
    say(button.dataset.copied || notices().dataset.copied);
    fire(button);
  }

  const films = (parts) => [new File(parts, "clip.mp4", { type: "video/mp4" })];
  async function shareFrom(element) {
    const { title, text, file } = element.dataset;
    const data = { title: title || document.title, text: text?.startsWith("#") ? textOf(text) : text || "" };
    try {
      if (file) data.files = element.films ??= films([await (await fetch(file, { redirect: "error" })).blob()]);
      await navigator.share(data);
      fire(element);
    } catch (error) {
      // A sheet opens for a fresh press only: the next one needs not wait for the file.
      if (error.name === "NotAllowedError" && element.films) say(notices().dataset.again, "info");
      // Closing the sheet is a choice, not a failure.
      else if (error.name !== "AbortError") location.hash = element.hash || "#share";
    }
  }

  function showNativeShare(root) {
    const waiting = (navigator.share && root.querySelectorAll?.("[data-native-share][hidden]")) || [];
    for (const one of waiting) one.hidden = "file" in one.dataset && !navigator.canShare?.({ files: films([]) });
  }

  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    const opened = document.querySelector("[data-menu][open]");
    if (opened && !opened.contains(event.target)) opened.open = false;

    const copying = on("[data-copy], [data-copy-text]");
    const native = on("[data-native-share]");
    if (on("button[data-close]")) on(".notice")?.remove();
    else if (copying) copyFrom(copying);
    else if (native && navigator.share) { event.preventDefault(); shareFrom(native); }
    else if (on("[data-share]")) fire(on("[data-share]"));
  });

  document.addEventListener("keydown", (event) => {
    const left = event.key === "Escape" && (document.querySelector("[data-menu][open]") || event.target.closest(".row-asked"));
    if (!left) return;
    left.open = false;
    left.querySelector("summary")?.focus();
    left.querySelector("[data-cancel]")?.click();
  });

  // A refused form comes back with its errors: the first wrong field takes the focus.
  function focusFirstError(root) {
    root.querySelector?.('[aria-invalid="true"]')?.focus();
  }

  // What is being mended is no longer called wrong.
  document.addEventListener("input", ({ target }) => {
    const field = target.closest(".field-wrong");
    field?.classList.remove("field-wrong");
    field?.querySelector(".error")?.remove();
    field?.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
  });

  // Tabs that scroll sideways: the chosen one stays in sight, also after a swap.
  function showCurrentTab() {
    document.querySelectorAll(".tabs [aria-current]").forEach((tab) => {
      tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;
    });
  }

  // What a swap changed is said once, in the one live region: a poll that brings the same says nothing.
  let told = "";
  function tell(root) {
    const source = root.matches?.("[data-say]") ? root : root.querySelector?.("[data-say]");
    const text = source && (source.dataset.say || source.textContent).trim().replace(/\s+/g, " ");
    if (text && text !== told) say(text, "quiet");
    told = text || told;
  }

  // A swap that takes the focused element away gives the focus to what it brought, never to <body>; lists stay
  // scrolled. Each request keeps what was pressed for it: a button that is disabled meanwhile loses the focus.
  const kept = new WeakMap();
  function keepPlace(root, { focus, scrolled = [] }) {
    for (const [id, top] of scrolled) document.getElementById(id)?.scrollTo(0, top);
    if (!focus || document.activeElement !== document.body) return;
    const place = root.querySelector?.("[data-focus], h1, h2, h3") ?? root;
    place.tabIndex = -1;
    place.focus();
  }

  document.addEventListener("htmx:afterSwap", showCurrentTab);
  document.addEventListener("htmx:beforeRequest", ({ detail }) => kept.set(detail.xhr, { pressed: document.activeElement }));
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const pressed = kept.get(detail.xhr)?.pressed;
    const isLost = detail.requestConfig.triggeringEvent && document.activeElement === document.body;
    if (isLost && pressed?.matches("button")) pressed.focus({ preventScroll: true });
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.xhr.getResponseHeader("HX-Retarget")) detail.shouldSwap = true;
    const lists = [...detail.target.querySelectorAll(".scrolls[id]")];
    const pressed = kept.get(detail.xhr)?.pressed;
    const focused = document.activeElement === document.body ? pressed : document.activeElement;
    const scrolled = lists.map((one) => [one.id, one.scrollTop]);
    kept.set(detail.xhr, { pressed, focus: detail.target.contains(focused ?? null), scrolled });
  });
  document.addEventListener("htmx:afterSettle", ({ target, detail }) => {
    showNativeShare(target);
    focusFirstError(target);
    keepPlace(target, kept.get(detail.xhr) ?? {});
    tell(target);
  });
  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (!detail.xhr.getResponseHeader("HX-Retarget")) say(notices().dataset.failed, "failed");
  });
  document.addEventListener("htmx:sendError", ({ target, detail }) => {
    if (detail.requestConfig.triggeringEvent) say(notices().dataset[target.dataset.channel ? "uncounted" : "offline"], "failed");
  });

  showNativeShare(document);
  showCurrentTab();
  focusFirstError(document);
  tell(document);
})();
