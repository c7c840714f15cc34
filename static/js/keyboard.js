// The slash goes to the search box, unless its reader has switched that off, and Escape leaves it.

export function start() {
  addEventListener("keydown", (event) => {
    const { key, target } = /** @type {KeyboardEvent & {target: HTMLElement}} */ (event);
    /** @type {HTMLInputElement | null} */
    const box = document.querySelector("[role=search] input");
    if (!box || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && target === box) {
      box.blur();
    } else if (key === "/" && box.hasAttribute("aria-keyshortcuts") && !target.closest("input, textarea, select, [contenteditable]")) {
      event.preventDefault(); // or the slash is typed into the box
      box.select();
      box.focus();
    }
  });
}
