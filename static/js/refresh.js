// A page whose main has data-refresh is asked for again every so many seconds while it can be seen, and main is morphed
// into the answer. After the third failure it says since when it is stale: data-stale, with the time for {time}.
import { ask, current, outdated, saying } from "./navigate.js";
import { morph } from "./morph.js";
import { check, foreign, own } from "./person.js";

/** Seconds that failures may lead to between requests, and that one may take. */
const longest = 60;

let timer = 0;
let failures = 0;
/** When the page was last asked for, and when it was last known to be right. */
let asked = Date.now();
let right = asked;

export function start() {
  document.addEventListener("visibilitychange", plan);
  document.addEventListener("coc-person", plan);
  document.addEventListener("coc-page", () => {
    failures = 0;
    asked = right = Date.now();
    plan();
  });
  plan();
}

/** Gives the seconds between requests after so many failures in a row. @param {number} seconds @param {number} failures */
export const wait = (seconds, failures) => Math.max(seconds, Math.min(longest, seconds * 2 ** failures));

/** Plans the next request; one that is overdue, as after a time in the background, comes at once. A stream of the page needs none. */
export function plan() {
  clearTimeout(timer);
  const { refresh: every, live, ended } = document.querySelector("main")?.dataset ?? {};
  const seconds = Number(every);
  if (!(seconds > 0) || (live && ended) || document.hidden || foreign()) return;
  timer = setTimeout(refresh, Math.max(0, asked + wait(seconds, failures) * 1000 - Date.now()));
}

async function refresh() {
  const main = document.querySelector("main");
  asked = Date.now();
  if (!main || busy()) return plan();
  const page = await ask(location.href, {
    headers: { "Coc-Console-Refresh": notLive()?.dataset.why ?? "1", ...own() },
    signal: AbortSignal.timeout(longest * 1000),
  }).catch(console.warn);
  // Somebody has gone elsewhere, or is about to.
  if (!main.isConnected || busy()) return plan();
  // An error, or a redirect to the sign-in page, must not take the page away under somebody's hands.
  if (!page?.ok || page.moved) fail(main), page && check();
  else update(main, page.doc);
  plan();
}

/** What says that the page has no stream, and why. */
const notLive = () => document.getElementById("not-live");

const busy = () => ("navigation" in globalThis && navigation.transition) || document.querySelector("form[aria-busy=true]");

/** @param {HTMLElement} main @param {Document} doc */
function update(main, doc) {
  failures = 0;
  right = Date.now();
  current(main);
  const { live, refresh } = main.dataset;
  const note = notLive();
  saying(main, () => morph(main, /** @type {HTMLElement} */ (doc.querySelector("main"))));
  // A page that found no stream stays one that refreshes itself, and goes on saying so.
  if (!live) delete main.dataset.live;
  if (note) main.prepend(note);
  if (note?.dataset.why === "buffered" && main.dataset.refresh) main.dataset.refresh = refresh;
  document.title = doc.title;
}

/** @param {HTMLElement} main */
function fail(main) {
  failures++;
  if (failures > 2 && !document.getElementById("stale")) outdated(main, main.dataset.stale ?? "", right);
}
