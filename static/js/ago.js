// Times of the last day, and of the next, are told by how far they are; the exact ones stay in their titles.

const day = 86400;

/** What a time was shown as, and what it says in full. @type {WeakMap<Element, {full: string, shown: string}>} */
const known = new WeakMap();

export function start() {
  new MutationObserver(tell).observe(document, { childList: true, characterData: true, subtree: true });
  setInterval(tell, 20_000);
  tell();
}

/** Says how far a time is, in seconds from now; null when that is more than a day. @param {number} seconds @param {string} language */
export function words(seconds, language) {
  const far = Math.abs(seconds);
  if (!(far < day)) return null;
  const format = new Intl.RelativeTimeFormat(language, { style: "short", numeric: far < 5 ? "auto" : "always" });
  const [size, unit] = far < 60 ? [1, "second"] : far < 3600 ? [60, "minute"] : [3600, "hour"];
  return format.format(far < 5 ? 0 : Math.trunc(seconds / Number(size)), /** @type {Intl.RelativeTimeFormatUnit} */ (unit));
}

function tell() {
  for (const time of document.querySelectorAll("time[datetime][title]:not([data-since], :has(+ [data-age]))")) {
    const before = known.get(time);
    const text = time.textContent ?? "";
    const full = before && before.shown === text ? before.full : text;
    const at = Date.parse(time.getAttribute("datetime") ?? "");
    const shown = words((at - Date.now()) / 1000, document.documentElement.lang) ?? full;
    if (shown !== text) time.textContent = shown;
    known.set(time, { full, shown });
  }
}
