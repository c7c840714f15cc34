// Times of the last day, and of the next, are told by how far they are; the exact ones stay in their titles.

const day = 86400;

/** What is told so. Others count by themselves; above the page, where one would move the other, they stay exact, and so do those with data-exact. */
const times = "main time[datetime][title]:not([data-since], [data-exact], :has(+ [data-age]))";

/** What a time was shown as, and what it says in full. @type {WeakMap<Element, {full: string, shown: string}>} */
const known = new WeakMap();

export function start() {
  const all = () => tell(document.querySelectorAll(times));
  new MutationObserver((changes) => tell(changed(changes))).observe(document, { childList: true, characterData: true, subtree: true });
  setInterval(all, 20_000);
  all();
}

/** Finds the times that have come or changed: pages of hundreds change every second. @param {MutationRecord[]} changes */
function changed(changes) {
  /** @type {Set<Element>} */
  const found = new Set();
  for (const { target, addedNodes } of changes) {
    const time = (target instanceof Element ? target : target.parentElement)?.closest(times);
    if (time) found.add(time);
    for (const node of addedNodes) {
      if (!(node instanceof Element)) continue;
      if (node.matches(times)) found.add(node);
      for (const inner of node.querySelectorAll(times)) found.add(inner);
    }
  }
  return found;
}

/** A format takes longer to make than to use. @type {Map<string, Intl.RelativeTimeFormat>} */
const formats = new Map();

/** @param {string} language */
function format(language) {
  const made = formats.get(language) ?? new Intl.RelativeTimeFormat(language, { style: "short" });
  formats.set(language, made);
  return made;
}

/** Says how far a time is, in seconds from now; null when that is more than a day. @param {number} seconds @param {string} language */
export function words(seconds, language) {
  const far = Math.abs(seconds);
  if (!(far < day)) return null;
  const [size, unit] = far < 60 ? [1, "second"] : far < 3600 ? [60, "minute"] : [3600, "hour"];
  if (seconds > -5 && seconds < 2) return language.startsWith("zh") ? "刚刚" : "just now"; // a little ahead is two clocks
  return format(language).format(Math.trunc(seconds / Number(size)), /** @type {Intl.RelativeTimeFormatUnit} */ (unit));
}

/** @param {Iterable<Element>} list */
function tell(list) {
  for (const time of list) {
    const before = known.get(time);
    const text = time.textContent ?? "";
    const full = before && before.shown === text ? before.full : text;
    const at = Date.parse(time.getAttribute("datetime") ?? "");
    const shown = words((at - Date.now()) / 1000, document.documentElement.lang) ?? full;
    if (shown !== text) time.textContent = shown;
    known.set(time, { full, shown });
  }
}
