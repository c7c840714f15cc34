// What is ticked in a table: a range with Shift, and how many there are.

/** The box that was clicked last. @type {HTMLInputElement | undefined} */
let last;

export function start() {
  document.addEventListener("click", range);
  document.addEventListener("change", all);
  document.addEventListener("change", count);
  document.addEventListener("reset", () => setTimeout(count, 0));
  document.addEventListener("coc-page", tick);
}

/** What is ticked, by value. */
let ticked = new Set();

/** @param {string} which @returns {NodeListOf<HTMLInputElement>} */
const inputs = (which) => document.querySelectorAll("tbody input" + which);

/** Ticks on the next page what was ticked on the one before: a fold, a filter or another order takes nothing away. */
function tick() {
  inputs("[type=checkbox]:enabled").forEach((b) => (b.checked ||= ticked.has(b.value)));
  count();
}

/** @param {Element} e @returns {HTMLInputElement[]} */
const boxes = (e) => [...(e.closest("tbody")?.querySelectorAll("input[type=checkbox]:enabled") ?? [])].map((b) => /** @type {HTMLInputElement} */ (b));

/** Makes all boxes up to the one before like the one that is clicked with Shift. @param {MouseEvent} event */
function range(event) {
  const box = /** @type {HTMLInputElement} */ (event.target);
  if (!(box instanceof HTMLInputElement) || box.type !== "checkbox") return;
  const all = boxes(box);
  const [from, to] = [last ? all.indexOf(last) : -1, all.indexOf(box)];
  if (event.shiftKey && from >= 0 && to >= 0) {
    all.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((b) => (b.checked = box.checked));
  }
  last = box;
}

/** Ticks all boxes of a table like the one in its head. @param {Event} event */
function all(event) {
  const head = /** @type {HTMLInputElement} */ (event.target);
  if (!head.matches("thead [data-all]")) return;
  head.closest("table")?.querySelectorAll("tbody input[type=checkbox]:enabled").forEach((b) => (/** @type {HTMLInputElement} */ (b).checked = head.checked));
}

function count() {
  for (const e of document.querySelectorAll("form [data-count]")) {
    const n = document.querySelectorAll(`tbody input[form="${e.closest("form")?.id}"]:checked`).length;
    e.textContent = (/** @type {HTMLElement} */ (e).dataset.count ?? "").replace("{n}", String(n));
  }
  ticked = new Set([...inputs(":checked")].map((b) => b.value));
}
