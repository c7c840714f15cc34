// Keys that act by themselves, unless their reader has switched them off. An element says in data-shortcut by which keys
// it is reached: a field gets the focus, all else is clicked. Rows of tables are gone through by their links. No key
// applies an operation: at most it leads to the page that asks.

/** How long the first of two keys is remembered, in milliseconds. */
const patience = 1500;

let typed = "";
let last = 0;

export function start() {
  addEventListener("keydown", press);
}

/** Gives what has been typed so far: of two keys the first is g. @param {string} before @param {string} key @param {number} age */
export const sequence = (before, key, age) => (before === "g" && age < patience ? "g " + key : key);

/** @param {KeyboardEvent} event */
function press(event) {
  const { key, timeStamp } = event;
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("input, textarea, select, [contenteditable]")) {
    if (key === "Escape" && target.closest("[role=search]")) target.blur();
    return;
  }
  if (!document.querySelector("header[data-keys]") || document.querySelector("dialog[open]")) return;
  typed = sequence(typed, key, timeStamp - last);
  last = timeStamp;
  if (!act(typed, target)) return;
  typed = "";
  event.preventDefault(); // or the key is typed into the field that has the focus now
}

/** @param {string} keys @param {HTMLElement} target */
function act(keys, target) {
  const row = target.closest("tr.row");
  const step = { j: 1, k: -1, ArrowDown: row && 1, ArrowUp: row && -1 }[keys];
  if (step) return walk(row, step);
  // Beside a log, and in one that has nothing to scroll, arrows go from host to host.
  if (target.closest("#log") && target.scrollHeight <= target.clientHeight) keys = { ArrowDown: "J", ArrowUp: "K" }[keys] ?? keys;
  if (keys === "l") return reach((row ?? rows()[0])?.querySelector("a[href$='#log']") ?? document.getElementById("log-text"));
  const all = [...document.querySelectorAll("[data-shortcut]")];
  // What stands in the closed menu acts as well.
  return reach(all.find((e) => e.getAttribute("data-shortcut") === keys && (e.checkVisibility() || e.closest(".menu"))));
}

const rows = () => [...document.querySelectorAll("main tr.row")].filter((row) => link(row) && row.checkVisibility());

/** @param {Element} row @returns {HTMLElement | null} */
const link = (row) => row.querySelector("th a[href]") ?? row.querySelector("a[href]");

/** Moves the focus to the next row, or from none to the first. @param {Element | null} row @param {number} step */
function walk(row, step) {
  const all = rows();
  const next = row ? all[all.indexOf(row) + step] : all[0];
  if (next) link(next)?.focus();
  return all.length > 0;
}

/** @param {Element | null | undefined} element */
function reach(element) {
  if (!(element instanceof HTMLElement)) return false;
  if (element instanceof HTMLInputElement) element.select();
  if (element.matches("input, pre")) element.focus();
  else element.click();
  return true;
}
