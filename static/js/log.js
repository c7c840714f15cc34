// Reading a log: it is followed while it grows, searched, wrapped or not, and copied. On a ticket's page it opens in a panel
// beside the table, which goes on by itself. Matches are painted as ranges, without a change of the page.
import { announce, ask, focusOn, notice, plain } from "./navigate.js";
import { morph } from "./morph.js";
import { below } from "./trusted.js";

/** How many matches are painted, and from which width on, in pixels, there is room for a panel. */
const most = 5000;
const room = 1000;

/** @typedef {{part: Element, at: number}} Match */

/** @type {Match[]} */
let found = [];
let current = 0;
/** @type {HTMLElement | null} What opened the panel. */
let opener = null;

const observer = new MutationObserver((changes) => {
  if (changes.some((c) => !tools()?.contains(c.target))) changed();
});

const pointing = new MutationObserver(looks);

const id = (/** @type {string} */ name) => document.getElementById(name);
const tools = () => id("log-tools");
const text = () => id("log-text");
const field = () => /** @type {HTMLInputElement | null} */ (id("log-find"));
const button = (/** @type {string} */ name) => tools()?.querySelector(`[data-log=${name}]`);
const following = () => button("follow")?.ariaPressed === "true";

export function start() {
  document.addEventListener("coc-page", begin);
  document.addEventListener("click", click);
  document.addEventListener("keydown", keys);
  document.addEventListener("input", (event) => event.target === field() && search());
  document.addEventListener("submit", mark, true);
  document.addEventListener("scroll", ({ target }) => target === text() && scrolled(), true);
  begin();
}

/** Takes up the log of a page, or of a panel. */
function begin() {
  wrap(document.documentElement.dataset.wrap !== "off");
  const [box, log] = [tools(), id("log")];
  if (!box || !log) return;
  box.hidden = false;
  observer.disconnect();
  observer.observe(log, { childList: true, characterData: true, subtree: true });
  pointing.disconnect();
  const said = id("presence");
  if (said) pointing.observe(said, { childList: true, attributes: true, subtree: true });
  looks();
  current = 0;
  place = -1;
  const at = location.hash.startsWith("#L") && !id("log-panel") ? id(location.hash.slice(1)) : id("log-error");
  if (at) look(at, at.closest(".log-part"));
  else changed();
}

/** Shows an element or a match in the middle of the log, which is not followed then. What is far away has a height that is only estimated, so that its part is laid out first. @param {Element | Range} at @param {Element | null} part */
function look(at, part) {
  const follow = button("follow");
  if (follow) follow.ariaPressed = "false";
  if (part instanceof HTMLElement) part.style.contentVisibility = "visible";
  const centre = () => {
    const log = text();
    if (!log) return;
    const [box, frame] = [at.getBoundingClientRect(), log.getBoundingClientRect()];
    log.scrollBy(box.left > frame.right || box.left < frame.left ? box.left - frame.left - 40 : 0, box.top - frame.top - frame.height / 2);
  };
  centre();
  requestAnimationFrame(centre); // its surroundings have their heights
}

/** Where the reader is among the errors. */
let place = -1;

/** Goes to the next error, or back. @param {number} step */
function error(step) {
  const all = document.querySelectorAll("#log-text .log-error");
  if (!all.length) return;
  place = place < 0 ? (step > 0 ? 0 : all.length - 1) : (place + step + all.length) % all.length;
  look(all[place], all[place].parentElement);
  CSS.highlights?.set("current", new Highlight(new StaticRange({ startContainer: all[place], startOffset: 0, endContainer: all[place], endOffset: all[place].childNodes.length })));
  const words = (button("error")?.getAttribute("data-words") ?? "").replace("{at}", String(place + 1)).replace("{of}", String(all.length));
  const at = id("log-at");
  if (at) at.textContent = words;
  announce(words);
}

function changed() {
  if (following()) text()?.scrollTo(0, 1e9);
  if (field()?.value) search(current, false);
}

/** Follows as long as the end is in view. */
function scrolled() {
  const [log, follow] = [text(), button("follow")];
  if (log && follow) follow.ariaPressed = String(log.scrollTop + log.clientHeight > log.scrollHeight - 40);
}

/** @param {boolean} on */
function wrap(on) {
  document.documentElement.dataset.wrap = on ? "on" : "off";
  const toggle = button("wrap");
  if (toggle) toggle.ariaPressed = String(on);
}

/** @param {MouseEvent} event */
function click(event) {
  const target = /** @type {Element} */ (event.target);
  const link = /** @type {HTMLAnchorElement | null} */ (target.closest("#ticket a[href$='#log']"));
  if (link && innerWidth >= room && plain(event)) {
    event.preventDefault();
    show(link);
  }
  const line = /** @type {HTMLAnchorElement | null} */ (target.closest(".log a[id^=L]"));
  const typed = /** @type {HTMLInputElement | null} */ (id("log-line"));
  if (line && typed) typed.value = line.id.slice(1);
  const pressed = /** @type {HTMLElement | null} */ (target.closest("[data-log]"));
  const does = pressed?.dataset.log;
  if (does === "wrap") {
    wrap(pressed?.ariaPressed !== "true");
    // It is the person's choice, in whatever browser; where that isn't kept, it holds for this page.
    fetch(below("/wrap"), { method: "POST", body: new URLSearchParams({ wrap: document.documentElement.dataset.wrap ?? "", return: "/session" }), keepalive: true }).catch(console.warn);
  } else if (does === "error") error(1);
  else if (does === "next") go(1);
  else if (does === "previous") go(-1);
  else if (does === "copy") copy(pressed);
  else if (does === "close") hide();
  else if (does === "follow" && pressed) {
    pressed.ariaPressed = String(pressed.ariaPressed !== "true");
    changed();
  }
}

/** Shows a line to the others, and stays at it. @param {SubmitEvent} event */
async function mark(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.id !== "log-mark") return;
  event.preventDefault();
  event.stopPropagation();
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  const page = await ask(form.action, { method: "POST", body }).catch(console.warn);
  if (!page?.ok || !page.moved) return form.submit(); // the answer says why
  const line = id("L" + body.get("line"));
  if (line) location.hash = line.id;
}

/** Shows what others point at in this log, and what the reader does: who is beside the line. */
function looks() {
  for (const line of document.querySelectorAll(".log a[data-look]")) line.removeAttribute("data-look");
  const own = id("log-head")?.querySelector("a")?.pathname;
  for (const item of own ? document.querySelectorAll(".presence-mark") : []) {
    const { line } = /** @type {HTMLElement} */ (item).dataset;
    const at = item.querySelector("a")?.pathname === own && id("L" + line);
    if (at) at.dataset.look = item.querySelector("bdi")?.textContent ?? "";
  }
}

/** @param {KeyboardEvent} event */
function keys(event) {
  if (event.key === "Enter" && event.target === field()) go(event.shiftKey ? -1 : 1);
  else if (/^n$/i.test(event.key) && text() && !(event.ctrlKey || event.metaKey || event.altKey) && document.querySelector("header[data-keys]") && !(/** @type {Element} */ (event.target).closest("input, textarea, select, dialog"))) error(event.shiftKey ? -1 : 1);
  else if (event.key === "Escape" && !document.querySelector("dialog[open]")) hide();
}

/** @param {HTMLElement | null} pressed */
async function copy(pressed) {
  const log = text();
  if (!log || !pressed?.lastChild) return;
  try {
    await navigator.clipboard.writeText(log.textContent);
    pressed.lastChild.textContent = pressed.dataset.copied ?? "";
    announce(pressed.dataset.copied ?? "");
  } catch {
    getSelection()?.selectAllChildren(log); // over plain http there is no clipboard
  }
}

/** Gives where a word is in a text. @param {string} text @param {string} word */
export function positions(text, word) {
  const all = [];
  for (let at = text.indexOf(word); word && at >= 0; at = text.indexOf(word, at + word.length)) all.push(at);
  return all;
}

/** Looks for what the field says. @param {number} [keep] the match to stay at @param {boolean} [move] to go there */
function search(keep = 0, move = true) {
  const word = field()?.value.toLowerCase() ?? "";
  found = [];
  for (const part of text()?.children ?? []) {
    for (const at of positions((part.textContent ?? "").toLowerCase(), word)) found.push({ part, at });
  }
  current = Math.min(keep, Math.max(found.length - 1, 0));
  paint("found", ranges(found.slice(0, most), word.length));
  say(word);
  if (move && found.length) view();
}

/** @param {number} step */
function go(step) {
  if (!found.length) return;
  current = (current + step + found.length) % found.length;
  say(field()?.value ?? "");
  view();
}

/** @param {string} word */
function say(word) {
  const { found: counted = "", none = "" } = field()?.dataset ?? {};
  const count = id("log-count");
  const words = found.length ? counted.replace("{at}", String(current + 1)).replace("{of}", String(found.length)) : none;
  if (count) count.textContent = word ? words : "";
}

/** Makes ranges of matches, which are in order. @param {Match[]} matches @param {number} length */
function ranges(matches, length) {
  /** @type {TreeWalker | undefined} */
  let walker;
  let start = 0;
  /** @param {number} offset @returns {[Node, number]} */
  const point = (offset) => {
    let node = /** @type {Text} */ (walker?.currentNode);
    while (offset > start + node.length) {
      start += node.length;
      node = /** @type {Text} */ (walker?.nextNode());
    }
    return [node, offset - start];
  };
  return matches.map(({ part, at }) => {
    if (!walker || walker.root !== part) {
      walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
      walker.nextNode();
      start = 0;
    }
    const range = new Range();
    range.setStart(...point(at));
    range.setEnd(...point(at + length));
    return range;
  });
}

/** @param {string} name @param {Range[]} list */
function paint(name, list) {
  if (!("highlights" in CSS)) return;
  const highlight = new Highlight(...list);
  highlight.priority = name === "current" ? 1 : 0;
  CSS.highlights.set(name, highlight);
}

/** Shows the current match. */
function view() {
  const [range] = ranges([found[current]], field()?.value.length ?? 0);
  paint("current", [range]);
  look(range, found[current].part);
}

/** Opens a log beside the table. @param {HTMLAnchorElement} link */
async function show(link) {
  const page = await ask(link.href).catch(console.warn);
  const log = page?.doc.querySelector("#log");
  const article = id("ticket");
  if (!log || !article) return location.assign(link.href);
  if (!link.closest("#log-panel")) opener = link;
  for (const row of document.querySelectorAll("tr[aria-current]")) row.removeAttribute("aria-current");
  document.getElementById("instance-" + link.pathname.split("/").pop())?.setAttribute("aria-current", "true");
  const panel = document.createElement("aside");
  panel.id = "log-panel";
  panel.dataset.keep = "";
  panel.ariaLabel = page?.doc.querySelector("h1 bdi")?.textContent ?? "";
  panel.append(close(), log);
  still(link, () => {
    id("log-panel")?.remove();
    article.append(panel);
  });
  begin();
  focusOn(text() ?? panel);
  plan(panel, page?.doc, link.href.replace(/#.*/, ""));
}

/** Makes the button that closes the panel, as dialogs have it. */
function close() {
  /** @type {HTMLTemplateElement | null} */
  const template = document.querySelector("template#palette");
  const made = /** @type {HTMLButtonElement} */ (template?.content.querySelector("form button")?.cloneNode(true) ?? document.createElement("button"));
  made.type = "button";
  made.dataset.log = "close";
  return made;
}

function hide() {
  const panel = id("log-panel");
  if (!panel) return;
  const back = opener?.isConnected ? opener : id("instances");
  document.querySelector("tr[aria-current]")?.removeAttribute("aria-current");
  still(back, () => panel.remove());
  if (back) focusOn(back);
}

/** Changes the width of the page, and leaves an element where it is in the window. @param {Element | null} element @param {() => void} change */
function still(element, change) {
  const top = () => element?.getBoundingClientRect().top ?? 0;
  const before = top();
  change();
  scrollBy({ top: top() - before, behavior: "instant" });
}

/** Reads the log again while its instance runs. @param {Element} panel @param {Document | undefined} doc @param {string} url */
function plan(panel, doc, url, failures = 0) {
  const seconds = Number(doc?.querySelector("main")?.dataset.refresh);
  if (seconds > 0) setTimeout(read, seconds * 1000 * 2 ** Math.min(failures, 4), panel, doc, url, failures);
}

/** @param {Element} panel @param {Document | undefined} doc @param {string} url @param {number} failures */
async function read(panel, doc, url, failures) {
  if (!panel.isConnected) return;
  if (document.hidden) return plan(panel, doc, url, failures);
  const page = await ask(url, { headers: { "Coc-Console-Refresh": "1" } }).catch(console.warn);
  const [have, want] = [panel.querySelector("#log"), page?.doc.querySelector("#log")];
  if (!have) return;
  id("log-stale")?.remove();
  if (page?.ok && want) {
    morph(have, want);
    return plan(panel, page.doc, url);
  }
  const stale = /** @type {HTMLElement | null | undefined} */ (doc?.querySelector("main"))?.dataset.stale ?? "";
  panel.prepend(notice("log-stale", "warning", stale.replace("{time}", new Date().toTimeString().slice(0, 5))));
  plan(panel, doc, url, failures + 1);
}
