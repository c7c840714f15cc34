// Makes the pages one application, on top of links and forms that work without. A part leaves the page as it is when the
// browser lacks what it needs; one that fails does not take the others along.
import { start as ago } from "./ago.js";
import { start as forms } from "./forms.js";
import { start as keyboard } from "./keyboard.js";
import { start as live } from "./live.js";
import { start as navigate } from "./navigate.js";
import { start as refresh } from "./refresh.js";
import { start as zone } from "./zone.js";

for (const start of [zone, navigate, forms, refresh, live, keyboard, ago]) {
  try {
    start();
  } catch (error) {
    console.error(error);
  }
}

/** What only some pages need is loaded with the first of them: what a page has then, and the part. @type {Map<string, () => Promise<{start(): void}>>} */
const parts = new Map();
parts.set("#log, #ticket", () => import("./log.js"));
parts.set("[data-complete]", () => import("./audit.js"));
parts.set("template#palette", () => import("./palette.js"));

function load() {
  for (const [selector, part] of parts) {
    if (!document.querySelector(selector)) continue;
    parts.delete(selector);
    part().then(({ start }) => start(), console.error);
  }
}

load();
document.addEventListener("coc-page", load);
