// The browser's own notifications of what comes to wait, in a tab that nobody looks at. Off, until somebody wants them in
// this browser: then the numbers of sections are followed in the background, too.
const key = "coc-console-tell";

/** Whether somebody wants to be told, and the browser may. */
export const wanted = () => "Notification" in globalThis && Notification.permission === "granted" && !!localStorage.getItem(key);

/** @param {() => void} changed */
export function start(changed) {
  if (!("Notification" in globalThis) || !isSecureContext) return;
  document.addEventListener("coc-page", label);
  document.addEventListener("click", async ({ target }) => {
    if (!(target instanceof Element) || !target.closest("#tell")) return;
    if (wanted()) localStorage.removeItem(key);
    else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(key, "1");
    label();
    changed();
  });
  label();
}

/** The button says what it does; where the browser refuses, why it does nothing. */
function label() {
  const button = document.getElementById("tell");
  if (!button) return;
  button.hidden = false;
  const state = wanted() ? "on" : Notification.permission === "denied" ? "denied" : "off";
  button.textContent = button.dataset[state] ?? "";
}

/** @param {Element | null} part */
const number = (part) => parseInt(part?.textContent ?? "", 10) || 0;

/** Tells of a number that has grown, in the words of its title. @param {Element | null} before @param {Element} after */
export function tell(before, after) {
  if (!document.hidden || !/^count-/.test(after.id) || number(after) <= number(before) || !wanted()) return;
  new Notification(document.querySelector("header a")?.textContent?.trim() ?? "", {
    body: /** @type {HTMLElement} */ (after).title,
    tag: after.id,
  }).onclick = () => focus();
}
