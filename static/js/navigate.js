// Links lead to the next page without a reload: the Navigation API tells of every navigation, and main is swapped.
// Where a browser lacks it, links simply load.
import { read } from "./trusted.js";

/** Whether navigations can be taken over. */
export const able = () => "NavigateEvent" in globalThis && "sourceElement" in NavigateEvent.prototype;

export function start() {
  if (!able()) return;
  navigation.addEventListener("navigate", (event) => {
    if (ours(event, location.origin)) event.intercept({ focusReset: "manual", handler: () => go(event) });
  });
}

/**
 * Tells whether a navigation leads to a page that can take the place of the present one: not to another origin, on
 * the way to one, a file or a place in this page, not with a form's data, and not where the page asks for a real load.
 * @param {NavigateEvent} event
 * @param {string} origin
 */
export function ours(event, origin) {
  const { destination, navigationType: type } = event;
  const url = new URL(destination.url);
  if (!event.canIntercept || event.hashChange || event.downloadRequest !== null || event.formData) return false;
  // What stays in this document without going through the history is pushState or replaceState.
  if (type === "reload" || (type !== "traverse" && destination.sameDocument)) return false;
  if (url.origin !== origin || /\/(static|oidc)\//.test(url.pathname)) return false;
  return !event.sourceElement?.closest("[data-reload], [download]");
}

/** Fetches and shows the page; its address is in place already. @param {NavigateEvent} event */
async function go(event) {
  const { destination, info, signal } = event;
  const main = document.querySelector("main");
  if (main) main.ariaBusy = "true";
  const stopped = progress();
  try {
    /** @type {Page | null} */
    const page = info?.page ?? (await ask(destination.url, { signal }));
    if (signal.aborted) return;
    if (!page || !fits(page)) return location.reload();
    if (page.moved && !info?.page) return follow(page, "replace");
    await animate(event, () => {
      show({ ...page, url: destination.url });
      event.scroll();
    });
  } catch (error) {
    if (signal.aborted) return;
    console.warn(error);
    location.reload();
  } finally {
    stopped();
    if (main) main.ariaBusy = null;
  }
}

/** How long a page may take before a line shows that it is on its way, in milliseconds. */
const soon = 150;

/** Shows a line on top of the page if what begins now takes a while; the result ends it. */
export function progress() {
  const line = document.createElement("div");
  line.className = "progress-line";
  const timer = setTimeout(() => document.body.append(line), soon);
  return () => {
    clearTimeout(timer);
    line.remove();
  };
}

/** Goes to the address of a page that is at hand. @param {Page} page @param {NavigationHistoryBehavior} history */
export const follow = (page, history = "auto") => visit(page.url, { history, info: { page } });

/** Goes to an address. @param {string} url @param {NavigationNavigateOptions} [options] */
export function visit(url, options) {
  // That another navigation comes in between is no error.
  for (const promise of Object.values(navigation.navigate(url, options))) promise.catch(() => {});
}

/** Makes a change inside a view transition if motion is welcome. @param {NavigateEvent} event @param {() => void} change */
async function animate(event, change) {
  const still = document.hidden || !matchMedia("(prefers-reduced-motion: no-preference)").matches;
  if (still || event.hasUAVisualTransition || !document.startViewTransition) return change();
  const { ready, finished, updateCallbackDone } = document.startViewTransition(change);
  // A skipped transition is no error: the change is made all the same.
  for (const promise of [ready, finished]) promise.catch(() => {});
  await updateCallbackDone;
}

/**
 * A fetched page: where it came from in the end, and whether a redirect led there. An error is a page too.
 * @typedef {{doc: Document, url: string, ok: boolean, broken: boolean, moved: boolean}} Page
 */

/**
 * Fetches a page; null when the answer is no page of this console.
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<Page | null>}
 */
export async function ask(url, init = {}) {
  const headers = { Accept: "text/html", "X-Requested-With": "coc-console", ...init.headers };
  const response = await fetch(url, { ...init, headers });
  const doc = await read(response);
  return doc?.querySelector("main") ? { doc, url: response.url, ok: response.ok, broken: response.status >= 500, moved: response.redirected } : null;
}

/** The parts that change from page to page, besides main. @param {Document} doc */
const parts = (doc) => [...doc.querySelectorAll("body > header, [data-swap]")];

/** @param {Document} doc */
const frame = (doc) => [doc.documentElement.lang, doc.querySelector("script")?.getAttribute("src"), parts(doc).length].join();

/** Whether a page can take the present one's place: same language, same release, same parts. @param {Page} page */
const fits = (page) => frame(page.doc) === frame(document);

/**
 * Puts a page in the place of the present one, and the focus where reading starts.
 * @param {Page} page
 * @param {string} [start] selector of what comes before anything else
 */
export function show({ doc, url }, start) {
  const theme = doc.documentElement.dataset.theme;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.title = doc.title;
  const fresh = parts(doc);
  parts(document).forEach((part, i) => fresh[i] && part.replaceWith(fresh[i]));
  const main = /** @type {HTMLElement} */ (doc.querySelector("main"));
  document.querySelector("main")?.replaceWith(main);
  /** @type {HTMLElement | null | undefined | ""} */
  const first = start && (main.querySelector(start) ?? main.querySelector("[aria-invalid=true]"));
  const target = document.getElementById(new URL(url).hash.slice(1));
  if (first) focusOn(first, true);
  else focusOn(target ?? main.querySelector("[autofocus]") ?? main.querySelector("h1") ?? main);
  if (!first) announce(document.title);
  document.dispatchEvent(new Event("coc-page"));
}

/** Focuses any element. @param {HTMLElement} element @param {boolean} scroll */
export function focusOn(element, scroll = false) {
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus({ preventScroll: !scroll });
}

/** Makes a notice like those of the pages. @param {string} id @param {string} kind @param {(Node | string)[]} content */
export function notice(id, kind, ...content) {
  const [box, text] = [0, 1].map(() => document.createElement("div"));
  box.id = id;
  box.className = "notice notice-" + kind;
  box.dataset.keep = "";
  box.append(text);
  text.append(...content);
  return box;
}

/**
 * Says on top of a page, in the place of what was said before, that it is as it was at a time: {time} in the text.
 * @param {Element} page
 * @param {string} text
 * @param {number} time in milliseconds
 * @param {(Node | string)[]} more
 */
export function outdated(page, text, time, ...more) {
  const said = text.replace("{time}", new Date(time).toTimeString().slice(0, 8));
  document.getElementById("stale")?.remove();
  page.prepend(notice("stale", "warning", said, ...more));
  announce(said);
}

/** Takes back that a page is as it was at a time, and says so. @param {HTMLElement} page */
export function current(page) {
  const stale = document.getElementById("stale");
  if (!stale) return;
  stale.remove();
  announce(page.dataset.back ?? "");
}

/**
 * Makes a change, and has said what it makes of texts with data-announce; of one that is gone, data-back of the page.
 * @param {HTMLElement} page
 * @param {() => void} change
 */
export function saying(page, change) {
  const before = texts(page);
  change();
  const changed = [...texts(page)].filter(([id, text]) => before.has(id) && before.get(id) !== text);
  const said = changed.map(([, text]) => text || page.dataset.back).filter(Boolean);
  if (said.length) announce(said.join(". "));
}

/** The texts that are worth saying when they change, by id. @param {Element} page */
const texts = (page) => new Map([...page.querySelectorAll("[data-announce]")].map((e) => [e.id, e.textContent?.trim().replace(/\s+/g, " ")]));

/** Whether a click asks for nothing but what it is on. @param {MouseEvent} event */
export const plain = (event) => !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.button;

let announcing = 0;

/** Has screen readers say a text, even again. @param {string} text */
export function announce(text) {
  const status = document.getElementById("status");
  if (!status) return;
  status.textContent = "";
  clearTimeout(announcing);
  announcing = setTimeout(() => (status.textContent = text), 100);
}
