// A page whose main has data-live is kept up to date by a stream of its fragments: each event brings those that have
// changed, which are morphed by their ids, and the order of lists. There is one stream per tab, and none while the tab is
// hidden. When it breaks, the page says since when, and tries again. Where streams are full, refresh.js takes over.
import { announce, current, notice, outdated, plain, saying } from "./navigate.js";
import { morph, pair, pinned } from "./morph.js";
import { check, foreign, marker, own as ownPage } from "./person.js";
import { plan } from "./refresh.js";
import { below, parse, within } from "./trusted.js";

/** How long silence may last: three signs of life of the server, in milliseconds. */
const silence = 46_000;

/** How long a stream's first byte may take, in milliseconds: the server sends one at once. */
const first = 10_000;

/** Milliseconds that failures may lead to between attempts. */
const longest = 30_000;

/** How long a connection may be away before the page says so, in milliseconds. */
const grace = 5_000;

/** @type {AbortController | undefined} */
let stream;
/** Whether the server is being asked if the page's session is over. */
let confirming = false;
let timer = 0;
let failures = 0;
/** When the stream was last known to work. */
let right = Date.now();
/** The lists whose order waits until nobody is in them. @type {Map<string, string>} */
const waiting = new Map();

export function start() {
  document.addEventListener("coc-page", fresh);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("coc-person", look);
  document.addEventListener("click", click);
  for (const name of ["pointerout", "focusout"]) document.addEventListener(name, () => setTimeout(settle, 0));
  for (const name of ["pointermove", "keydown", "wheel", "scroll"]) {
    document.addEventListener(name, () => (touched = Date.now()), { passive: true, capture: true });
  }
  setInterval(tick, 1000);
  fresh();
}

const main = () => document.querySelector("main");

/** Begins with a page that has just been shown. */
function fresh() {
  stop();
  waiting.clear();
  failures = 0;
  right = touched = Date.now();
  icon();
  tick();
  rove();
  look();
}

function stop() {
  stream?.abort();
  stream = undefined;
  clearTimeout(timer);
  timer = 0;
}

/** Opens the stream of a page that can be seen, and closes that of one that cannot. */
function look() {
  if (document.hidden) settle(); // nobody sees it
  if (document.hidden || !main()?.dataset.live || foreign()) return stop();
  if (!stream && !confirming) open();
}

async function open() {
  const page = /** @type {HTMLElement} */ (main());
  const own = (stream = new AbortController());
  clearTimeout(timer);
  timer = 0;
  let why;
  try {
    why = await receive(page, own);
  } catch (error) {
    const { aborted, reason } = own.signal;
    if (reason === buffered) why = reason;
    else if (aborted && reason !== "silent") return;
    console.debug(error);
  }
  if (stream !== own) return;
  stream = undefined;
  if (why === "session" || why === "person" || why === buffered) why = await confirmed(why);
  if (stream || main() !== page) return;
  if (why) end(page, why);
  else again();
}

/** Something in between holds the stream back. */
const buffered = "buffered";

/**
 * Asks whether the page's session is over. A new one of the same person goes on; that it is another person's is said. That
 * a stream is held back is so if the server answers this.
 * @param {string} why
 */
async function confirmed(why) {
  if (!marker()) return why;
  confirming = true;
  const somebody = await check().finally(() => (confirming = false));
  if (!somebody || somebody.person === marker()) return somebody && why === buffered ? why : undefined;
  return somebody.person ? "person" : "session";
}

/** Tries again later, and says so when it takes long. */
function again() {
  timer = setTimeout(retry, pause(failures++, Math.random()));
  lost();
}

function retry() {
  timer = 0;
  look();
}

/** Gives the milliseconds until the next attempt. @param {number} failures @param {number} random in [0,1) */
export const pause = (failures, random) => Math.min(longest, 500 * 2 ** failures) * (0.5 + random);

/** @param {HTMLElement} page @param {AbortController} own */
const receive = (page, own) => read(page.dataset.live ?? "", page.dataset.digest ?? "", own, (event) => main() === page && take(page, event), works);

/**
 * Takes what a stream brings until it ends; returns why, if the server said so.
 * @param {string} address
 * @param {string} digest of what is shown
 * @param {AbortController} own
 * @param {(event: Event) => void} each
 * @param {() => void} [alive] called with whatever comes
 */
export async function read(address, digest, own, each, alive) {
  const headers = { Accept: "text/event-stream", "Coc-Console-Refresh": "1", "Last-Event-ID": digest, ...ownPage() };
  let watch = setTimeout(() => own.abort(buffered), first);
  try {
    const response = await fetch(address, { headers, signal: own.signal, cache: "no-store", priority: "low" });
    if (!response.body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) return refused(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = splitter();
    for (;;) {
      const { value, done } = await reader.read();
      clearTimeout(watch);
      watch = setTimeout(() => own.abort("silent"), silence);
      if (done) return;
      alive?.();
      for (const event of events(value)) {
        if (event.name === "end") return event.data;
        each(event);
      }
    }
  } finally {
    clearTimeout(watch);
  }
}

/** What an answer that is no stream means. @param {Response} response */
function refused(response) {
  if (response.redirected || response.status === 401) return "session";
  if (response.status === 409) return "person";
  if (response.status === 403) return "forbidden";
  if (response.status === 404) return "not_found";
  if ((response.status === 503 || response.status === 429) && response.headers.has("Retry-After")) return "full";
}

/**
 * One event of a stream.
 * @typedef {{id: string, name: string, data: string}} Event
 */

/** Cuts a stream's text into events. @returns {(text: string) => Event[]} */
export function splitter() {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks.map(event).filter((e) => e.name);
  };
}

/** @param {string} block @returns {Event} */
function event(block) {
  const found = { id: "", name: "", data: "" };
  const data = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === "id") found.id = value;
    if (field === "event") found.name = value;
    if (field === "data") data.push(value);
  }
  return { ...found, data: data.join("\n") };
}

/** The connection works: what was said about it is no longer so. */
function works() {
  failures = 0;
  right = Date.now();
  const page = main();
  if (page && document.getElementById("stale")) keeping(() => current(page));
}

/** Ends the watching for the reason that the server gave. @param {HTMLElement} page @param {string} why */
function end(page, why) {
  if (why === "closed") return again();
  if (why === "person" || (why === "session" && !page.dataset.ended)) return; // person.js says so
  delete page.dataset.live;
  if (why === "final") return delete page.dataset.refresh;
  const instead = page.dataset[why];
  if (why === "full" || why === buffered) {
    if (why === buffered) page.dataset.refresh = "10";
    if (instead) page.prepend(notice("not-live", "info", instead));
    document.getElementById("not-live")?.setAttribute("data-why", why);
    return plan();
  }
  const text = (why === "session" ? page.dataset.ended : page.dataset.denied) ?? "";
  const link = document.createElement("a");
  link.href = why === "session" ? below("/sign-in?return=") + encodeURIComponent(within()) : location.href;
  link.textContent = page.dataset.again ?? "";
  say(page, text, ...(why === "session" ? [" ", link] : []));
}

/** Says that the connection is away, once it has been for a while. */
function lost() {
  const page = main();
  if (!page?.dataset.live || !page.dataset.lost || document.getElementById("stale") || document.hidden) return;
  if (Date.now() - right < grace) return;
  say(page, page.dataset.lost ?? "");
}

/** @param {HTMLElement} page @param {string} text @param {(Node | string)[]} more */
const say = (page, text, ...more) => keeping(() => outdated(page, text, right, ...more));

/** Makes the page what the server says it is. @param {HTMLElement} page @param {Event} event */
function take(page, event) {
  saying(page, () => keeping(() => {
    for (const template of parse(event.data).querySelectorAll("template")) {
      const { list, order } = template.dataset;
      if (list) waiting.set(list, order ?? "");
      else for (const part of [...template.content.children]) put(part);
    }
    settle();
  }));
  if (event.id) page.dataset.digest = event.id;
  else if (!/[?&]here=1$/.test(page.dataset.live ?? "")) page.dataset.live += (page.dataset.live?.includes("?") ? "&" : "?") + "here=1";
  icon();
  tick();
  rove();
}

/** Puts a fragment into its place; one that is new waits for the order of its list. @param {Element} part */
function put(part) {
  const have = document.getElementById(part.id);
  if (have) morph(have, part);
  else spare.set(part.id, part);
}

/** New members of lists, until they have a place. @type {Map<string, Element>} */
const spare = new Map();

/** Puts lists into order in which nobody points at or uses anything. */
function settle() {
  for (const [id, order] of waiting) {
    const list = document.getElementById(id);
    const calm = list?.closest("[data-calm]");
    const hint = list?.id === "instance-rows" ? document.getElementById("order-changed") : null;
    if (list && calm && moves(list, order) && (busy(calm) || (calm.hasAttribute("data-still") && watched(calm)))) {
      if (hint) told(hint, list, order);
      // What is no longer in the list is told of no more.
      const keep = new Set(order.split(" "));
      for (const child of list.children) child.toggleAttribute("data-gone-row", !keep.has(child.id));
      continue;
    }
    if (list) arrange(list, order);
    if (hint) hint.hidden = true;
    waiting.delete(id);
  }
}

/** Whether somebody points at or uses something in there. @param {Element} calm */
const busy = (calm) => calm.matches(":hover") || calm.contains(document.activeElement);

/** Says how many rows would move. @param {HTMLElement} hint @param {Element} list @param {string} order */
function told(hint, list, order) {
  const [have, wanted] = [[...list.children].map((e) => e.id), order.split(" ")];
  const stay = pair(have, wanted).size;
  const text = /** @type {Element} */ (hint.firstElementChild);
  write(text, (hint.dataset.moved ?? "").replace("{n}", String(Math.max(have.length, wanted.length) - stay)));
  hint.hidden = false;
}

/** When somebody last moved, typed or scrolled. */
let touched = Date.now();

/** How long nobody may do so before what is in view is put into order under their eyes, in milliseconds. */
const rest = 10_000;

/** Whether a list is in view: then its rows stay where they are, or for as long as somebody is there. @param {Element} calm */
function watched(calm) {
  const { top, bottom } = calm.getBoundingClientRect();
  const still = calm.getAttribute("data-still") === "always" || Date.now() - touched < rest;
  return still && !document.hidden && top < innerHeight && bottom > 0;
}

/** Leaves the columns of tables in which somebody is as wide as they are. */
function hold() {
  for (const calm of document.querySelectorAll("[data-calm]")) {
    const all = /** @type {HTMLElement[]} */ ([...calm.querySelectorAll("table, thead th")]);
    const on = busy(calm);
    if (!all[0] || on === !!all[0].style.tableLayout) continue;
    const widths = all.map((e) => (on ? e.getBoundingClientRect().width + "px" : ""));
    all.forEach((e, i) => (e.style.width = widths[i]));
    all[0].style.tableLayout = on ? "fixed" : "";
  }
}

/** Whether an order is another than that of a list. @param {Element} list @param {string} order */
const moves = (list, order) => [...list.children].map((e) => e.id).join(" ") !== order;

/** Puts a list into an order with as few moves as can be. @param {Element} list @param {string} order */
function arrange(list, order) {
  const wanted = order.split(" ").filter(Boolean);
  const keep = new Set(wanted);
  for (const child of [...list.children]) if (!keep.has(child.id)) child.remove();
  const stay = pair([...list.children].map((e) => e.id), wanted);
  let at = list.firstElementChild;
  wanted.forEach((id, j) => {
    const child = spare.get(id) ?? document.getElementById(id);
    spare.delete(id);
    if (!child) return;
    if (stay.has(j) || child === at) at = child.nextElementSibling;
    else if (child.parentNode === list && "moveBefore" in list) list.moveBefore(child, at);
    else list.insertBefore(child, at);
  });
}

/** Makes a change without moving what the pointer is on or what has the focus. @param {() => void} change */
function keeping(change) {
  hold();
  const [anchor] = pinned(/** @type {HTMLElement} */ (main()));
  const before = anchor?.getBoundingClientRect().top;
  change();
  if (!anchor?.isConnected || before === undefined) return;
  const moved = anchor.getBoundingClientRect().top - before;
  if (moved) scrollBy({ top: moved, behavior: "instant" });
}

/** Shows in the tab what state is watched. */
function icon() {
  /** @type {HTMLLinkElement | null} */
  const link = document.querySelector("link[rel=icon]");
  /** @type {HTMLElement | null} */
  const heading = document.querySelector("main [data-icon]");
  if (!link) return;
  usual ??= link.href;
  const href = heading?.dataset.icon ?? usual;
  if (link.getAttribute("href") !== href) link.setAttribute("href", href);
  if (!heading) return;
  const product = document.title.slice(document.title.lastIndexOf(" · "));
  const title = heading.dataset.title + product;
  if (document.title !== title) document.title = title;
  const thing = heading.closest("article");
  if (thing && heading.dataset.status) thing.dataset.status = heading.dataset.status;
}

/** The icon of pages that watch nothing. @type {string | undefined} */
let usual;

/** Counts times on: how old figures are, and how long something has run. */
function tick() {
  hold();
  if (waiting.size && Date.now() - touched >= rest) keeping(settle);
  const page = main();
  const units = page?.dataset.units?.split("|");
  if (!page || !units) return;
  const now = Date.now();
  for (const e of page.querySelectorAll("[data-since]")) {
    const passed = now - Number(/** @type {HTMLElement} */ (e).dataset.since);
    if (passed > -2000) write(e, span(passed, units)); // else this machine's clock is behind
  }
  for (const e of page.querySelectorAll("[data-age]")) {
    const age = span(now - Number(/** @type {HTMLElement} */ (e).dataset.age), units);
    write(e, "(" + (page.dataset.ago ?? "{age}").replace("{age}", age) + ")");
  }
  if (!page.dataset.live || stream) return;
  if (timer) lost();
  else look(); // after a time without a stream
}

/** @param {Element} e @param {string} text */
const write = (e, text) => e.textContent !== text && (e.textContent = text);

/** Writes a time that has passed in its two largest units. @param {number} passed milliseconds @param {string[]} units */
export function span(passed, [day, hour, minute, second]) {
  const s = Math.max(0, Math.floor(passed / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  if (s < 60) return `${s} ${second}`;
  if (s < 3600) return `${Math.floor(s / 60)} ${minute} ${two(s % 60)} ${second}`;
  if (s < 86400) return `${Math.floor(s / 3600)} ${hour} ${two(Math.floor(s / 60) % 60)} ${minute}`;
  return `${Math.floor(s / 86400)} ${day} ${two(Math.floor(s / 3600) % 24)} ${hour}`;
}

/** @param {MouseEvent} event */
function click(event) {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("#order-changed button")) {
    for (const [id, order] of waiting) {
      const list = document.getElementById(id);
      if (list) arrange(list, order);
    }
    waiting.clear();
    const hint = document.getElementById("order-changed");
    if (hint) hint.hidden = true;
  }
  /** @type {HTMLButtonElement | null} */
  const button = target.closest("button[data-copy]");
  if (button) copyField(button);
  /** @type {HTMLButtonElement | null} */
  const text = target.closest("button[data-text]");
  if (text) copyText(text);
  /** @type {HTMLAnchorElement | null} */
  const link = target.closest("a[data-copy]");
  if (!link || !navigator.clipboard || !plain(event)) return;
  event.preventDefault();
  copy(link).catch(() => location.assign(link.href));
}

/** Copies the field beside a button; where there is no clipboard, selects it. @param {HTMLButtonElement} button */
async function copyField(button) {
  const field = button.parentElement?.querySelector("textarea");
  field?.select();
  try {
    await navigator.clipboard.writeText(field?.value ?? "");
    announce(button.dataset.copied ?? "");
  } catch (error) {
    console.warn(error); // over plain http; the text is selected
  }
}

/** Copies a button's text, or the page's address, and closes the menu that it is in. @param {HTMLButtonElement} button */
async function copyText(button) {
  button.closest("details")?.removeAttribute("open");
  try {
    await navigator.clipboard.writeText(button.dataset.text || location.href.replace(location.hash, ""));
    announce(button.dataset.copied ?? "");
  } catch (error) {
    console.warn(error); // over plain http
  }
}

/** Copies the text that a link leads to. @param {HTMLAnchorElement} link */
async function copy(link) {
  const response = await fetch(link.href);
  if (!response.ok || response.redirected) throw new Error("no text");
  await navigator.clipboard.writeText(await response.text());
  announce(link.dataset.copied ?? "");
}

/** The map is one stop of the Tab key; arrow keys move within it. */
function rove() {
  const map = document.querySelector("[role=grid]");
  if (!map) return;
  /** @type {NodeListOf<HTMLElement>} */
  const cells = map.querySelectorAll("a");
  const known = [...cells].find((a) => a.tabIndex === 0 && a.hasAttribute("tabindex"));
  for (const a of cells) a.tabIndex = a === (known ?? cells[0]) ? 0 : -1;
  if (map.hasAttribute("data-roving")) return;
  map.setAttribute("data-roving", "");
  map.addEventListener("keydown", (event) => walk(/** @type {HTMLElement} */ (map), /** @type {KeyboardEvent} */ (event)));
  map.addEventListener("focusin", (event) => {
    for (const a of map.querySelectorAll("a")) a.tabIndex = a === event.target ? 0 : -1;
  });
}

/** @param {HTMLElement} map @param {KeyboardEvent} event */
function walk(map, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...map.querySelectorAll("[role=row]")].map((row) => [...row.querySelectorAll("a")]);
  const y = rows.findIndex((row) => row.some((a) => a === document.activeElement));
  const x = rows[y]?.findIndex((a) => a === document.activeElement) ?? -1;
  const next = step(rows.map((row) => row.length), y, x, event.key);
  if (!next) return;
  event.preventDefault();
  rows[next[0]][next[1]].focus();
}

/**
 * Gives the cell that a key leads to in rows of these lengths: row and column, null when nowhere.
 * @param {number[]} lengths
 * @param {number} y
 * @param {number} x
 * @param {string} key
 * @returns {[number, number] | null}
 */
export function step(lengths, y, x, key) {
  if (y < 0 || x < 0) return null;
  const to = { ArrowLeft: [y, x - 1], ArrowRight: [y, x + 1], ArrowUp: [y - 1, x], ArrowDown: [y + 1, x], Home: [y, 0], End: [y, lengths[y] - 1] }[key];
  if (!to || to[0] < 0 || to[0] >= lengths.length || to[1] < 0) return null;
  const [row, column] = to;
  if (row === y && column >= lengths[y]) return null;
  return [row, Math.min(column, lengths[row] - 1)];
}
