// Makes one tree of elements like another without replacing what can stay, so that typed text, focus, selection, scroll
// positions and open details survive. Texts and comments pass for elements in the types here.

/** What makes an element the one it is, besides its id: the thing it stands for. */
const things = ["data-ticket", "data-batch", "data-instance", "data-operation", "data-sequence"];

/** What a control or form does: with another value it is another one. */
const deeds = ["href", "name", "action", "formaction"];

/** What belongs to the reader, or to a script, once the element is there. */
const theirs = ["open", "tabindex", "data-look"];

/**
 * Makes an element like another, whose children may be taken.
 *
 * Children belong together by id, or by the ticket, batch, instance, operation or record they stand for; all others by
 * kind and order. What has data-keep is left alone. Pins (what has the focus, and the control under the pointer) never
 * become something else and are not taken away: what should go gets data-gone, and goes the next time.
 * @param {Element} have
 * @param {Element} want
 */
export function morph(have, want, pins = pinned(have)) {
  if (have.nodeType !== 1) {
    if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
    return;
  }
  if (have.hasAttribute("data-keep") || have.isEqualNode?.(want)) return;
  if (!have.id && holds(have, pins) && deeds.some((name) => have.getAttribute(name) !== want.getAttribute(name))) return;
  for (const { name, value } of [...want.attributes]) {
    if (!theirs.includes(name) && have.getAttribute(name) !== value) have.setAttribute(name, value);
  }
  for (const { name } of [...have.attributes]) {
    if (!theirs.includes(name) && !want.hasAttribute(name)) have.removeAttribute(name);
  }
  children(have, want, pins);
}

/** Finds what must not change under somebody's hands: what the pointer is on, and what has the focus. @param {Element} root */
export function pinned(root) {
  const under = [...root.querySelectorAll(":hover")].pop();
  const control = under?.closest("a, button, input, select, textarea, summary, label");
  const pins = [control, root.ownerDocument.activeElement].filter((e) => e && e !== root && root.contains(e));
  return /** @type {Element[]} */ (pins);
}

/** @param {Element} from @param {Element} to @param {Element[]} pins */
function children(from, to, pins) {
  const [old, want] = [from, to].map((e) => /** @type {Element[]} */ ([...e.childNodes]));
  const pairs = pair(old.map(key), want.map(key));
  const stay = new Set(pairs.values());
  // What has a name may be wanted at another place; the rest goes.
  const spare = new Map();
  old.forEach((child, i) => {
    if (stay.has(i)) return;
    if (named(child) && !spare.has(key(child))) spare.set(key(child), child);
    else drop(child, pins);
  });
  let at = from.firstChild;
  want.forEach((next, j) => {
    const name = key(next);
    const have = old[pairs.get(j) ?? -1] ?? spare.get(name);
    if (!have) return from.insertBefore(next, at);
    if (have === at || pairs.has(j)) at = have.nextSibling;
    if (!pairs.has(j)) {
      spare.delete(name);
      move(from, have, at);
    }
    morph(have, next, pins);
  });
  for (const child of spare.values()) drop(child, pins);
}

/** @param {Element} child @param {Element[]} pins */
function drop(child, pins) {
  if (holds(child, pins)) child.setAttribute("data-gone", "");
  else if (!child.hasAttribute?.("data-keep")) child.remove();
}

/** @param {Element} parent @param {Element} child @param {Node | null} before */
function move(parent, child, before) {
  if ("moveBefore" in parent) return parent.moveBefore(child, before);
  // An insertion takes the focus away.
  const active = /** @type {HTMLElement | null} */ (child.ownerDocument.activeElement);
  /** @type {Element} */ (parent).insertBefore(child, before);
  if (child.contains(active)) active?.focus({ preventScroll: true });
}

/** Whether a pin is in an element. @param {Element} e @param {Element[]} pins */
const holds = (e, pins) => pins.some((pin) => e.contains(pin));

/** What an element stands for, "" when nothing says so. @param {Element} e */
const named = (e) => e.id || things.map((name) => e.getAttribute?.(name) ?? "").join(" ").trim();

/** What two nodes have in common if one can become the other. @param {Element} e */
const key = (e) => e.nodeName + " " + named(e);

/**
 * Finds the longest common subsequence of two lists: positions in b with those in a.
 * @param {string[]} a
 * @param {string[]} b
 * @returns {Map<number, number>}
 */
export function pair(a, b) {
  const pairs = new Map();
  // Most of two lists is the same at their starts and ends.
  let [i, j, m, n] = [0, 0, a.length, b.length];
  while (i < m && j < n && a[i] === b[j]) pairs.set(j++, i++);
  while (m > i && n > j && a[m - 1] === b[n - 1]) pairs.set(--n, --m);
  // best[i][j] is how many pairs a from i on and b from j on can make, in what is left of both.
  const best = Array.from({ length: m + 1 }, (_, k) => new Uint16Array(k < i ? 0 : n + 1));
  for (let k = m - 1; k >= i; k--) {
    for (let l = n - 1; l >= j; l--) {
      best[k][l] = a[k] === b[l] ? best[k + 1][l + 1] + 1 : Math.max(best[k + 1][l], best[k][l + 1]);
    }
  }
  while (i < m && j < n) {
    if (a[i] === b[j]) pairs.set(j++, i++);
    else if (best[i + 1][j] >= best[i][j + 1]) i++;
    else j++;
  }
  return pairs;
}
