// Live pages without a framework: what is marked data-live is fetched anew and changed in place; times say how long ago.
"use strict";
(() => {
  const body = document.body;
  const live = document.getElementById("live");
  let paused = false;
  let source = null;
  let fetching = false;
  let planned = null;
  const waiting = new Set();
  let known = document.title;

  // --- times -------------------------------------------------------------------------------------------------------
  const units = body.dataset.units.split(" ");
  const STEPS = [[units[0], 86400], [units[1], 3600], [units[2], 60], [units[3], 1]];
  function ago(moment) {
    const seconds = (Date.now() - moment) / 1000;
    if (seconds < 5) return seconds < -5 ? "" : body.dataset.agoNow;
    const [unit, size] = STEPS.find(([, one]) => seconds >= one);
    return body.dataset.ago.replace("{n}", `${Math.floor(seconds / size)} ${unit}`);
  }
  function tellTimes(inside) {
    for (const time of inside.querySelectorAll("time[datetime]")) {
      const moment = Date.parse(time.dateTime);
      if (Number.isNaN(moment)) continue;
      time.title = new Date(moment).toLocaleString(document.documentElement.lang, { timeZoneName: "short" });
      const next = time.nextElementSibling;
      if (next && next.classList.contains("ago")) next.textContent = ago(moment);
    }
  }

  // --- changing a page in place --------------------------------------------------------------------------------------
  function isBeingUsed(element) {
    const active = document.activeElement;
    return active && element.contains(active) && active.matches("input, textarea, select");
  }
  function sameKind(one, other) {
    return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");
  }
  function becomes(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) { old.nodeValue = fresh.nodeValue; return; }
    if (isBeingUsed(old) && old.matches("form")) return;
    for (const { name } of [...old.attributes])
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes)
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    const named = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const mine = wanted.id ? named.get(wanted.id) : at && !at.id && sameKind(at, wanted) ? at : null;
      if (mine) {
        if (mine !== at) old.insertBefore(mine, at); else at = at.nextSibling;
        becomes(mine, wanted);
      } else {
        const one = document.importNode(wanted, true);
        if (one.id && one.matches("tr, li")) one.classList.add("fresh");
        old.insertBefore(one, at);
      }
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  }
  // What is asked for within a moment is fetched once; while a fetch goes on, or nobody looks, it waits.
  function refresh(chosen) {
    waiting.add(chosen);
    plan(50);
  }
  function plan(pause) {
    if (waiting.size && !planned && !fetching && !paused && !document.hidden) planned = setTimeout(fetchPage, pause);
  }
  async function fetchPage() {
    planned = null;
    fetching = true;
    const chosen = [...waiting].join(", ");
    waiting.clear();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Live": "1" }, redirect: "manual" });
      if (answer.type === "opaqueredirect") { location.reload(); return; }  // the session has ended
      if (!answer.ok) return;
      const text = await answer.text();
      if (paused) return;  // who pauses while it is under way sees nothing of it; going on reads all anew
      const fresh = new DOMParser().parseFromString(text, "text/html");
      tellTimes(fresh);
      let changed = false;
      for (const old of document.querySelectorAll(chosen)) {
        const now = fresh.getElementById(old.id);
        if (now && !old.isEqualNode(now)) { becomes(old, now); changed = true; }
      }
      if (!changed) return;
      if (fresh.title !== known) { known = fresh.title; document.title = known; }
      const head = document.querySelector("#head h1");
      document.getElementById("said").textContent = head ? head.textContent : body.dataset.changed;
    } catch { /* away for a moment; the next change tries again */ } finally {
      fetching = false;
      plan(1000);
    }
  }

  // --- what has changed ------------------------------------------------------------------------------------------------
  function tell(state) {
    live.dataset.state = state;
    live.querySelector(".state").textContent = live.dataset[state === "live" ? "liveName" : state];
    live.querySelector("button").textContent = live.dataset[paused ? "goOn" : "pause"];
  }
  function listen() {
    source = new EventSource("/live");
    source.addEventListener("hello", () => { tell("live"); });
    source.addEventListener("changed", (event) => {
      const names = event.data.split(" ");
      if (names.some((name) => document.querySelector(`[data-live~="${name}"]`))) refresh("[data-live]");
    });
    source.onerror = () => { if (!paused) tell("connecting"); };
  }
  if (live && document.querySelector("[data-live]")) {
    live.hidden = false;
    tell("connecting");
    live.querySelector("button").addEventListener("click", () => {
      paused = !paused;
      if (paused) { source.close(); tell("paused"); } else { tell("connecting"); listen(); refresh("[data-live]"); }
    });
    listen();
  }
  // How often is read anew each time: a page asks every second only while something is still being looked for.
  function againInAWhile(id) {
    const seconds = Number(document.getElementById(id)?.dataset.liveEvery);
    if (!(seconds > 0)) return;
    setTimeout(() => { refresh(`#${CSS.escape(id)}`); againInAWhile(id); }, Math.max(1, seconds) * 1000);
  }
  for (const { id } of document.querySelectorAll("[data-live-every]")) againInAWhile(id);
  document.addEventListener("visibilitychange", () => plan(50));
  // A page that is left lets go of its stream at once: browsers allow few at a time.
  addEventListener("pagehide", () => { if (source) source.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted && source && !paused) { listen(); refresh("[data-live]"); } });
  tellTimes(document);
  setInterval(() => tellTimes(document), 10000);

  // On a telephone the navigation is wider than the screen: begin with where one is.
  document.querySelector(".top nav a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // --- small things ------------------------------------------------------------------------------------------------------
  // `hubbub console` prints an address with the token behind the #, which no server sees.
  const token = document.getElementById("token");
  function takeToken() {
    if (!token || !location.hash.startsWith("#token=")) return;
    token.value = decodeURIComponent(location.hash.slice(7));
    history.replaceState(null, "", location.pathname + location.search);
  }
  addEventListener("hashchange", takeToken);
  takeToken();
  for (const menu of document.querySelectorAll("details.menu")) {
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
    });
  }
})();
