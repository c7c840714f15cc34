// The audit log: suggestions for its search box, a list that grows, exports with their progress.
import { announce, ask } from "./navigate.js";
import { query } from "./forms.js";

export function start() {
  document.addEventListener("coc-page", open);
  open();
}

function open() {
  for (const [name, use] of Object.entries({ complete, tail: grow, export: save })) {
    const element = document.querySelector(`[data-${name}]`);
    if (element) use(/** @type {any} */ (element));
  }
}

/**
 * Finds the word that is being typed, in quotes or not, after its minus.
 * @param {string} text what stands before the caret
 */
export function typed(text) {
  const found = /^(?:(?:"[^"]*"|[^"])*\s)?-?((?:"[^"]*(?:"|$)|[^\s"])*)$/.exec(text)?.[1] ?? "";
  const [, field = "", prefix = ""] = /^(?:([\p{L}_]+)[:：])?"?([^"]*)/u.exec(found) ?? [];
  return { from: text.length - found.length, field, prefix };
}

/** Makes the search box a combobox. @param {HTMLInputElement} box */
function complete(box) {
  const list = document.createElement("ul");
  Object.assign(list, { id: "suggestions", className: "suggestions", role: "listbox", hidden: true, ariaLabel: box.dataset.options });
  Object.assign(box, { role: "combobox", ariaAutoComplete: "list", ariaExpanded: "false" });
  box.setAttribute("aria-controls", list.id);
  box.after(list);
  let timer = 0;
  let chosen = -1;
  const before = () => box.value.slice(0, box.selectionStart ?? box.value.length);
  const options = () => [...list.querySelectorAll("li")];

  /** @param {string[]} words */
  const show = (words) => {
    const items = words.map((textContent, i) =>
      Object.assign(document.createElement("li"), { id: "suggestion-" + i, role: "option", textContent }));
    list.replaceChildren(...items);
    list.hidden = !words.length;
    box.ariaExpanded = String(!list.hidden);
    choose(-1);
  };
  /** @param {number} i */
  const choose = (i) => {
    chosen = i;
    options().forEach((option, j) => (option.ariaSelected = String(i === j)));
    box.setAttribute("aria-activedescendant", options()[i]?.id ?? "");
  };
  const look = async () => {
    const text = before();
    const { field, prefix } = typed(text);
    if (!field && !prefix) return show([]);
    const answer = await fetch(box.dataset.complete + "?" + new URLSearchParams({ field, prefix })).catch(console.warn);
    const { options: words = [] } = answer?.ok ? await answer.json().catch(() => ({})) : {};
    if (text === before() && document.activeElement === box) show(words);
  };
  /** @param {HTMLElement} option */
  const take = ({ textContent: word }) => {
    const text = before();
    const end = word?.endsWith(":") ? "" : " ";
    box.setRangeText(word + end, typed(text).from, text.length, "end");
    show([]);
    if (!end) look();
  };
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 120);
  });
  box.addEventListener("blur", () => show([]));
  list.addEventListener("mousedown", (event) => {
    event.preventDefault(); // the focus stays in the box
    const option = /** @type {HTMLElement} */ (event.target).closest("li");
    if (option) take(option);
  });
  box.addEventListener("keydown", (event) => {
    const all = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing || !all.length) return;
    if (step) choose((Math.max(chosen, step < 0 ? 0 : -1) + step + all.length) % all.length);
    else if (event.key === "Enter" && chosen >= 0) take(all[chosen]);
    else if (event.key === "Escape") show([]);
    else return;
    event.preventDefault();
  });
}

/** Puts newer records on top; while somebody is in the list they wait behind a button. @param {HTMLElement} bar */
function grow(bar) {
  const [follow, waiting] = bar.querySelectorAll("button");
  const list = document.querySelector("table.records")?.parentElement;
  const body = list?.querySelector("tbody");
  if (!list || !body) return;
  const next = new URL(bar.dataset.tail ?? "", location.href);
  let held = /** @type {HTMLElement[]} */ ([]);
  let day = /** @type {Element | null | undefined} */ (null); // the newest one's row
  let timer = 0;
  const said = () => (bar.dataset.new ?? "{n}").replace("{n}", String(held.length));
  const busy = () => list.matches(":hover") || list.contains(document.activeElement) || list.getBoundingClientRect().top < 0;
  const put = () => {
    if (!held.length) return;
    announce(said());
    const there = body.querySelector("#" + day?.id);
    if (there) there.after(...held);
    else body.prepend(day ?? "", ...held);
    document.querySelector(".empty")?.remove();
    held = [];
  };
  const open = () => [...body.querySelectorAll("tr"), ...held].filter((row) => row.matches("[data-open]")).slice(-50);
  const look = async () => {
    next.searchParams.delete("shown");
    for (const row of ["", ...open().map(({ dataset }) => dataset.sequence ?? "")]) next.searchParams.append("shown", row);
    const page = await ask(next.href, { headers: { "Coc-Console-Refresh": "1" } }).catch(console.warn);
    if (!bar.isConnected) return;
    const found = /** @type {HTMLTableRowElement[]} */ (page?.ok && !page.moved ? [...page.doc.querySelectorAll("table.records tr[data-sequence]")] : []);
    const rows = found.filter((row) => !renew(row, /** @type {any} */ (document.getElementById(row.id) ?? held.find(({ id }) => id === row.id))));
    if (rows.length) {
      next.searchParams.set("after", rows[0].dataset.sequence ?? "");
      held.unshift(...rows);
      day = page?.doc.querySelector(".day");
      document.getElementById("total")?.replaceWith(page?.doc.getElementById("total") ?? "");
    }
    if (!busy()) put();
    waiting.hidden = !held.length;
    waiting.textContent = said();
    plan();
  };
  const plan = () => {
    clearTimeout(timer);
    if (follow.ariaPressed === "true" && !document.hidden && bar.isConnected) timer = setTimeout(look, 5000);
  };
  follow.addEventListener("click", () => {
    follow.ariaPressed = String(follow.ariaPressed !== "true");
    plan();
  });
  waiting.addEventListener("click", () => {
    put();
    waiting.hidden = true;
    body.querySelector("a")?.focus();
  });
  document.addEventListener("visibilitychange", plan);
  bar.hidden = false;
  plan();
}

/**
 * Lets a row that is shown say what it says by now; false where it is not shown.
 * @param {HTMLTableRowElement} row @param {HTMLTableRowElement | undefined} shown
 */
export function renew(row, shown) {
  if (!shown) return false;
  Object.assign(shown.dataset, row.dataset);
  if (!row.matches("[data-open]")) delete shown.dataset.open;
  [...shown.cells].forEach((cell, i) => {
    if (cell.tagName === "TD" && !cell.isEqualNode(row.cells[i]) && !cell.contains(document.activeElement)) cell.replaceWith(row.cells[i].cloneNode(true));
  });
  return true;
}

/** Shows how far an export is, and lets it be stopped. @param {HTMLFormElement} form */
function save(form) {
  const running = /** @type {HTMLElement} */ (form.querySelector("[data-running]"));
  const [bar, status, cancel] = /** @type {any} */ (running.children);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy) return;
    const stop = new AbortController();
    cancel.onclick = () => stop.abort();
    form.ariaBusy = "true";
    running.hidden = cancel.hidden = bar.hidden = false;
    const parts = [];
    let bytes = 0;
    let lines = 0;
    /** @param {string} text @param {string} [all] */
    const tell = (text, all) =>
      (status.textContent = text.replace("{n}", String(lines || "–")).replace("{all}", all || "–").replace("{size}", (bytes / 1e6).toFixed(2) + " MB"));
    try {
      const { ok, headers, body } = await fetch(query(new URL(form.action), new FormData(form, event.submitter)), { signal: stop.signal });
      const download = /filename="([^"]+)"/.exec(headers.get("Content-Disposition") ?? "")?.[1];
      if (!ok || !download || !body) throw ok;
      const reader = body.getReader();
      const all = headers.get("Coc-Console-Records") ?? "";
      for (let part; !(part = await reader.read()).done; tell(status.dataset.exported, all)) {
        parts.push(part.value);
        bytes += part.value.length;
        if (!download.endsWith(".zip")) for (const byte of part.value) if (byte === 10) lines++;
        if (parseInt(all) > lines) bar.value = lines / parseInt(all);
      }
      const href = URL.createObjectURL(new Blob(parts));
      Object.assign(document.createElement("a"), { href, download }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
      tell(status.dataset.done);
    } catch {
      tell(status.dataset.failed);
    }
    form.ariaBusy = null;
    cancel.hidden = bar.hidden = true;
  });
}
