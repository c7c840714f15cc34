// A page belongs to the person it was rendered for: header[data-person] tells persons apart. When somebody else has signed
// in in another tab, or nobody is signed in any more, the page says so and keeps its forms, which the server would refuse
// as well. Tabs tell each other when they show a page; who is signed in is the server's to say.
import { announce, focusOn, notice } from "./navigate.js";
import { below } from "./trusted.js";

/** Who is signed in, as far as it is known: person is empty when nobody is. @typedef {{person: string, name: string, project: string, in: string}} Somebody */
/** @type {Somebody | undefined} */
let now;
/** @type {Promise<Somebody | undefined> | undefined} */
let asking;
/** The form whose sending was stopped, with what sent it. @type {{form: HTMLFormElement, by: HTMLElement | null} | undefined} */
let held;
/** The form that may be sent, for the server to show it again. @type {HTMLFormElement | undefined} */
let released;
/** @type {BroadcastChannel | undefined} */
let channel;

export function start() {
  document.addEventListener("submit", hold, true);
  document.addEventListener("coc-page", shown);
  addEventListener("focus", check);
  addEventListener("pageshow", (event) => event.persisted && check());
  document.addEventListener("visibilitychange", () => document.hidden || check());
  if ("BroadcastChannel" in globalThis) {
    channel = new BroadcastChannel("coc-console");
    // What is being asked now may be answered with what was so before.
    channel.addEventListener("message", ({ data }) => (data !== mine() || changed()) && Promise.resolve(asking).then(check));
  }
  shown();
}

/** @returns {HTMLElement | null} */
const header = () => document.querySelector("body > header");

/** Whom the page was rendered for; empty for a page that is nobody's. */
export const marker = () => header()?.dataset.person ?? "";

/** Whom and what project the page was rendered for. */
const mine = () => marker() + " " + (header()?.dataset.project ?? "");

/** Whether the page is of another project than the session, of the same person. */
const switched = () => !!now && now.person === marker() && now.project !== (header()?.dataset.project ?? "");

/** Whether the page is another person's, or a person's who is signed out, or of another project. */
const changed = () => !!marker() && !!now && (now.person !== marker() || switched());

/** Whether the page's own requests wait: somebody else is signed in, or nobody, where the page does not say so itself. */
export const foreign = () => changed() && (!!now?.person || !worded());

/** Headers of what a page asks for by itself: the server answers with no other person's page. @returns {Record<string, string>} */
export const own = () => (marker() ? { "Coc-Console-Person": marker() } : {});

/** A page is shown: tells the other tabs whose, and forgets what was said about the one before. */
function shown() {
  held = released = undefined;
  now = undefined;
  channel?.postMessage(mine());
}

/** Asks the server who is signed in, and says on the page what that means. Undefined when it can't be told. */
export function check() {
  if (!marker()) return Promise.resolve(undefined);
  return (asking ??= ask().finally(() => (asking = undefined)));
}

/** @returns {Promise<Somebody | undefined>} */
async function ask() {
  const before = header();
  try {
    const response = await fetch(below("/session"), { headers: { Accept: "application/json", "Coc-Console-Refresh": "1" }, cache: "no-store" });
    if (!response.ok) return undefined;
    const found = await response.json();
    if (before === header()) apply(found);
    return found;
  } catch (error) {
    console.debug(error);
    return undefined;
  }
}

/** @param {Somebody} found */
function apply(found) {
  const was = now;
  now = found;
  const note = document.getElementById("person-changed");
  if (!changed()) {
    held = undefined;
    note?.remove();
    if (note) announce(header()?.dataset.again ?? "");
  } else if (!note && !tells() || was?.person !== found.person || was?.project !== found.project) say();
  if (was?.person !== found.person) document.dispatchEvent(new Event("coc-person"));
}

/** Whether live.js has words for the end of the session. */
const worded = () => !!document.querySelector("main")?.dataset.ended;

/** Whether it says them. */
const tells = () => !now?.person && worded() && !held;

/** Says on top of the page who is signed in, and what can be done. */
function say() {
  document.getElementById("person-changed")?.remove();
  if (tells()) return;
  const texts = header()?.dataset ?? {};
  let text = now?.person ? (texts.changed ?? "").replace("{name}", now.name) : (texts.gone ?? "");
  if (switched()) text = (texts.switched ?? "").replace("{project}", now?.in ?? "");
  const link = document.createElement("a");
  link.textContent = (now?.person ? texts.load : texts.signIn) ?? "";
  link.dataset.reload = "";
  link.href = now?.person ? location.href : below("/sign-in");
  if (switched()) [link.href, link.textContent] = [below("/tickets"), texts.list ?? ""];
  if (!now?.person) link.target = "_blank"; // what was typed stays here
  /** @type {(Node | string)[]} */
  const content = [text, " ", link];
  if (held) content.unshift(strong((texts.held ?? "") + " "));
  if (held && now?.person && !switched() && held.form.closest("main")) content.push(" ", resend(texts.continue ?? ""));
  const box = notice("person-changed", "error", ...content);
  document.querySelector("main")?.prepend(box);
  if (held) focusOn(box, true);
  announce((held ? (texts.held ?? "") + " " : "") + text);
}

/** @param {string} text */
function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}

/** A button that sends the form all the same: the server does nothing with it but show it again. @param {string} text */
function resend(text) {
  const button = document.createElement("button");
  button.className = "button";
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", () => {
    if (!held) return;
    released = held.form;
    released.requestSubmit(held.by);
  });
  return button;
}

/** Keeps a form of somebody else from being sent. @param {SubmitEvent} event */
function hold(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const again = form === released;
  released = undefined;
  if (again || !changed() || !form.querySelector("input[name=person]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  held = { form, by: event.submitter };
  say();
}
