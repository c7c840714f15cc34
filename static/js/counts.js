// The numbers beside the names of sections and lists. One tab of a browser has their stream, as long as it can be seen, and
// tells the others: a lock says which. Whoever wants notifications has it in the background, too.
import { read } from "./live.js";
import { morph } from "./morph.js";
import { marker } from "./person.js";
import { start as telling, tell, wanted } from "./tell.js";
import { below, parse } from "./trusted.js";

/** Milliseconds between attempts. */
const pause = 5_000;

/** Whom the numbers are shown to. */
let who = "";
/** @type {AbortController | undefined} */
let stream;
/** @type {BroadcastChannel | undefined} */
let channel;

export function start() {
  if (!navigator.locks || !("BroadcastChannel" in globalThis)) return;
  channel = new BroadcastChannel("coc-console-counts");
  channel.addEventListener("message", ({ data }) => data.who === marker() && show(data.text));
  telling(look);
  for (const name of ["visibilitychange", "coc-page", "coc-person"]) document.addEventListener(name, look);
  look();
}

/** Waits for the stream while the page can be seen, and leaves it to others when not, unless somebody wants to be told. */
function look() {
  const now = document.hidden && !wanted() ? "" : marker();
  if (now === who) return;
  who = now;
  stream?.abort();
  if (who) lead(who, (stream = new AbortController())).catch(console.debug);
}

/** @param {string} who @param {AbortController} own */
const lead = (who, own) =>
  navigator.locks.request("coc-console-counts " + who, { signal: own.signal }, async () => {
    while (!own.signal.aborted) {
      const why = await read(below("/counts/events"), "", own, ({ data }) => {
        show(data);
        channel?.postMessage({ who, text: data });
      }).catch(console.debug);
      if (why === "person" || why === "full") return;
      await new Promise((done) => setTimeout(done, pause));
    }
  });

/** @param {string} text */
function show(text) {
  for (const template of parse(text).querySelectorAll("template")) {
    for (const part of template.content.children) {
      const have = document.getElementById(part.id);
      tell(have, part);
      if (have) morph(have, part);
    }
  }
}
