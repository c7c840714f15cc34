// The slash goes to the search box, Escape leaves it; j and k go through a list. Readers can switch the letters off.

export function start() {
  addEventListener("keydown", (event) => {
    const { key, target } = /** @type {KeyboardEvent & {target: HTMLElement}} */ (event);
    /** @type {HTMLInputElement | null} */
    const box = document.querySelector("[role=search] input");
    if (!box || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && target === box) {
      box.blur();
    } else if (!box.hasAttribute("aria-keyshortcuts") || target.closest("input, textarea, select, [contenteditable]")) {
      return;
    } else if (key === "/") {
      event.preventDefault(); // or the slash is typed into the box
      box.select();
      box.focus();
    } else if (key === "j" || key === "k") {
      step(target, key === "j" ? 1 : -1);
    }
  });
}

/** Focuses the next row's link, or the first one's. @param {HTMLElement} from @param {number} by */
function step(from, by) {
  const rows = [...document.querySelectorAll("tr.row")];
  const at = rows.findIndex((row) => row.contains(from));
  rows[at < 0 ? 0 : at + by]?.querySelector("a")?.focus();
}
