// A video goes in parts before its form does: it outlives a break of the line, a refused form and a reload.
(() => {
  "use strict";
  // A part takes about a second, so little is lost; the server takes up to 8 MB.
  const LEAST = 128 * 1024, MOST = 4 * 1024 * 1024;
  let going = null;

  async function ask(url, body, signal) {
    const headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), "HX-Request": "true" };
    const answer = await fetch(url, { method: "POST", body, headers, signal });
    if (answer.headers.has("HX-Redirect")) location = answer.headers.get("HX-Redirect");
    if (!answer.ok) throw answer;
    return answer.status === 204 ? {} : answer.json();
  }

  function say(text) {
    const said = Object.assign(document.createElement("div"), { className: "sr-only", textContent: text });
    document.getElementById("notices").append(said);
    setTimeout(() => said.remove(), 5000);
  }

  const percent = (share) => share.toLocaleString(document.documentElement.lang, { style: "percent" });
  function show(bar, share, text = bar.dataset.going.replace("{}", percent(share))) {
    bar.querySelector("progress").value = share;
    bar.querySelector("[data-sent]").textContent = text;
  }

  async function send(file, bar, stop) {
    const about = new URLSearchParams({ name: file.name, size: file.size, modified: file.lastModified });
    for (let size = 2 * LEAST, breaks = 0, share = 0; ; breaks += 1) {
      try {
        let { id, at } = await ask(`${bar.dataset.parts}/begin`, about, stop.signal);
        for (stop.id = id; at < file.size; breaks = 0) {
          show(bar, (share = at / file.size));
          const since = performance.now();
          ({ at } = await ask(`${bar.dataset.parts}?id=${id}&at=${at}`, file.slice(at, at + size), stop.signal));
          size = performance.now() - since < 1000 ? Math.min(2 * size, MOST) : Math.max(size / 2, LEAST);
        }
        return id;
      } catch (refusal) {
        if (stop.signal.aborted || (refusal.status < 500 && refusal.status !== 429) || refusal.status === 507) throw refusal;
        show(bar, share, bar.dataset.broken);
        if (!breaks) say(bar.dataset.broken);
        await new Promise((done) => setTimeout(done, Math.min(1000 * 2 ** breaks, 15000)));
      }
    }
  }

  document.addEventListener("htmx:confirm", async (event) => {
    const form = event.target, field = form.matches("form") && form.querySelector("[type=file][name=video]");
    const bar = field && form.querySelector("[data-parts]");
    if (!bar || !field.files.length) return;
    event.preventDefault();
    if (going) return;
    const button = form.querySelector("[data-submit]");
    const stop = (going = Object.assign(new AbortController(), { bar }));
    bar.hidden = false; // The focus has where to go: a disabled button loses it.
    if (document.activeElement === button) bar.querySelector("[data-stop]").focus();
    button.disabled = true;
    try {
      const value = await send(field.files[0], bar, stop);
      const part = Object.assign(document.createElement("input"), { type: "hidden", name: "part", value });
      form.querySelectorAll("[name=part]").forEach((old) => old.remove());
      form.append(part);
      show(bar, 1);
      going = null;
      field.disabled = true;
      event.detail.issueRequest(true);
      field.disabled = false;
    } catch (refusal) {
      if (refusal instanceof Response) document.getElementById("notices").innerHTML = await refusal.text();
    }
    going = null;
    button.disabled = false;
    if (stop.signal.aborted || bar.contains(document.activeElement)) button.focus();
    bar.hidden = true;
  });

  document.addEventListener("click", async ({ target }) => {
    if (!going || !target.closest("[data-stop]")) return;
    const { id, bar } = going;
    going.abort();
    say(bar.dataset.stopped);
    if (id) ask(`${bar.dataset.parts}/drop`, new URLSearchParams({ id })).catch(() => {});
  });

  addEventListener("beforeunload", (event) => going && event.preventDefault());
})();
