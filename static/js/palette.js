// The command palette, and the help of the keyboard, as dialogs. Both are made of the page's template, and what the palette
// offers are links: those of this page, and tickets as the list's own search finds them.
import { able, ask, plain, visit } from "./navigate.js";
import { below, within } from "./trusted.js";

/** How many tickets are offered. */
const most = 8;

export function start() {
  addEventListener("keydown", (event) => {
    const { ctrlKey, metaKey, altKey, shiftKey, key } = event;
    if (!(ctrlKey || metaKey) || altKey || shiftKey || key.toLowerCase() !== "k") return;
    const box = open();
    if (!box) return;
    event.preventDefault();
    palette(box);
  });
  document.addEventListener("click", help);
  document.addEventListener("coc-page", () => shown()?.close());
}

/** @returns {HTMLDialogElement | null} */
const shown = () => document.querySelector("dialog[open]");

/** Opens a dialog; closing it gives the focus back to where it was. */
function open() {
  /** @type {HTMLTemplateElement | null} */
  const template = document.querySelector("template#palette");
  const box = /** @type {HTMLDialogElement | undefined} */ (template?.content.firstElementChild?.cloneNode(true));
  if (!box || shown()) return null;
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

/** Shows the page that lists the keys in a dialog. @param {MouseEvent} event */
async function help(event) {
  const target = /** @type {Element} */ (event.target);
  const link = /** @type {HTMLAnchorElement | null} */ (target.closest("#shortcuts"));
  if (!link || !plain(event)) return;
  event.preventDefault();
  const page = await ask(link.href).catch(console.warn);
  const keys = page?.doc.querySelector("#keys");
  const box = keys && open();
  if (shown() && !box) return; // somebody was quicker
  if (!box) return go(link.href);
  /** @type {HTMLInputElement | null} */
  const back = keys.querySelector("[name=return]");
  if (back) back.value = within();
  box.setAttribute("aria-label", link.title);
  box.className = "keys-box";
  box.replaceChildren(keys, ...box.querySelectorAll("form[method=dialog]"));
  box.querySelector("button")?.focus();
}

/** @param {string} url */
const go = (url) => (able() ? visit(url) : location.assign(url));

/** Whether a text has every word that was typed. @param {string} text @param {string} query */
export const matches = (text, query) =>
  query.toLowerCase().split(/\s+/).every((word) => text.toLowerCase().includes(word));

/** Whether what was typed may be the key of a ticket. @param {string} text */
export const keyLike = (text) => /[0-9a-f]{8}|^SCT/i.test(text);

/** @typedef {{text: string, kind: string, url: string}} Entry */

/** @param {HTMLDialogElement} box */
function palette(box) {
  const field = /** @type {HTMLInputElement} */ (box.querySelector("input"));
  const list = /** @type {HTMLElement} */ (box.querySelector("ul"));
  const status = /** @type {HTMLElement} */ (box.querySelector("[role=status]"));
  const { find = "", page = "", operation = "", ticket = "", none = "" } = box.dataset;
  const here = [...links("#operations [data-operation-type] a[href]", operation), ...links(".sections a, #scopes a, .saved a, #shortcuts", page)];
  /** @type {Entry[]} */
  let offers = [];
  /** @type {Entry[]} */
  let tickets = [];
  let chosen = 0;
  let stop = new AbortController();
  const draw = () => {
    const text = field.value.trim();
    const search = { text: find.replace("{text}", () => text), kind: ticket, url: below("/tickets?find=") + encodeURIComponent(text) };
    const found = here.filter((e) => matches(e.text, text));
    offers = keyLike(text) ? [search, ...found, ...tickets] : [...found, ...tickets, ...(text ? [search] : [])];
    choose(Math.min(chosen, offers.length - 1));
  };
  const choose = (/** @type {number} */ i) => {
    chosen = Math.max(i, 0);
    list.replaceChildren(...offers.map((entry, j) => option(entry, j, j === chosen)));
    field.setAttribute("aria-activedescendant", offers.length ? "option-" + chosen : "");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
    status.textContent = offers.length ? "" : none;
  };
  const act = (/** @type {Entry | undefined} */ entry) => {
    if (!entry) return;
    box.close();
    go(entry.url);
  };
  field.addEventListener("input", async () => {
    stop.abort();
    const { signal } = (stop = new AbortController());
    chosen = 0;
    tickets = [];
    draw();
    await new Promise((done) => setTimeout(done, 250));
    const name = field.value.trim();
    if (signal.aborted || !name || !box.open) return;
    tickets = await searched(name, ticket, signal).catch(() => []);
    if (!signal.aborted) draw();
  });
  box.addEventListener("close", () => stop.abort());
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.target !== field || event.isComposing || !(step || event.key === "Enter")) return;
    event.preventDefault();
    if (step) choose((chosen + step + offers.length) % (offers.length || 1));
    else act(offers[chosen]);
  });
  list.addEventListener("click", (event) => act(offers[[...list.children].findIndex((e) => e.contains(/** @type {Node} */ (event.target)))]));
  draw();
}

/** @param {string} selector @param {string} kind @returns {Entry[]} */
const links = (selector, kind) =>
  [...document.querySelectorAll(selector)].map((e) => {
    const a = /** @type {HTMLAnchorElement} */ (e);
    return { text: a.title || (a.querySelector(".label")?.textContent ?? a.innerText).trim(), kind, url: a.href };
  });

/** Finds tickets by their name. @param {string} name @param {string} kind @param {AbortSignal} signal @returns {Promise<Entry[]>} */
async function searched(name, kind, signal) {
  const page = await ask(below("/tickets?name=") + encodeURIComponent(name), { signal });
  const rows = [...(page?.doc.querySelectorAll("tr[data-ticket]") ?? [])].slice(0, most);
  return rows.map((row) => {
    const a = /** @type {HTMLAnchorElement} */ (row.querySelector("th a"));
    const state = row.querySelector(".state")?.textContent?.trim();
    return { text: `${a.textContent} · ${row.getAttribute("data-ticket")}`, kind: `${kind} · ${state}`, url: a.href };
  });
}

/** @param {Entry} entry @param {number} i @param {boolean} chosen */
function option({ text, kind }, i, chosen) {
  const item = document.createElement("li");
  const [name, note] = [text, kind].map((words) => {
    const part = document.createElement("bdi");
    part.append(words);
    return part;
  });
  note.className = "meta";
  item.id = "option-" + i;
  item.role = "option";
  item.ariaSelected = String(chosen);
  item.append(name, note);
  return item;
}
