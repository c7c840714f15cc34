// Forms are sent without a reload. A redirect's page is shown under its address; any other answer takes this page's place.
// Forms with data-reload, and all of them without the Navigation API, are left alone.
import { able, ask, focusOn, follow, notice, progress, show, visit } from "./navigate.js";

export function start() {
  if (able()) document.addEventListener("submit", submit);
}

/** @param {SubmitEvent} event */
function submit(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const { submitter } = event;
  // Attributes, since a field named "action" hides the property.
  const given = (/** @type {string} */ name) => submitter?.getAttribute("form" + name) ?? form.getAttribute(name) ?? "";
  const action = new URL(given("action") || location.href, document.baseURI);
  const method = given("method").toLowerCase() || "get";
  if (event.defaultPrevented || (submitter ?? form).closest("[data-reload]") || given("target")) return;
  if (action.origin !== location.origin || method === "dialog" || given("enctype").startsWith("multipart")) return;
  event.preventDefault();
  if (form.ariaBusy) return;
  // Read before anything changes: a disabled control would not be in it.
  const data = new FormData(form, submitter);
  if (method === "post") send(form, submitter, action.href, fields(data));
  else visit(query(action, data));
}

/** Gives the address of a GET form, without empty fields: it will be shared. @param {URL} action @param {FormData} data */
export function query(action, data) {
  const url = new URL(action);
  url.search = String(fields(data, (text) => text.trim()));
  return url.href;
}

/** @param {FormData} data @param {(text: string) => unknown} wanted */
function fields(data, wanted = () => true) {
  const params = new URLSearchParams();
  data.forEach((value, name) => typeof value === "string" && wanted(value) && params.append(name, value));
  return params;
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} submitter @param {string} action @param {URLSearchParams} body */
async function send(form, submitter, action, body) {
  form.ariaBusy = "true";
  submitter?.setAttribute("aria-disabled", "true");
  document.getElementById("unanswered")?.remove();
  const stopped = progress();
  const page = await ask(action, { method: "POST", body }).catch(console.warn);
  stopped();
  form.ariaBusy = null;
  submitter?.removeAttribute("aria-disabled");
  if (!form.isConnected) return; // the reader is elsewhere by now
  if (!page) failed(form);
  else if (page.broken && !page.moved && page.doc.querySelector("main .problem")) failed(form, words(page.doc));
  else if (!page.moved) show(page, "[role=alert]");
  else follow(page);
}

/** What an error page says. @param {Document} doc */
const words = (doc) => [...doc.querySelectorAll("main .problem > h1, main .problem > p")].map((e) => e.textContent?.trim()).join(" ");

/**
 * Says in the form that no answer came, or what the answer says in its place; what was typed stays. The text of the
 * former is the form's template[data-failed], or body's.
 * @param {HTMLFormElement} form
 * @param {string} [answer]
 */
function failed(form, answer) {
  /** @type {HTMLTemplateElement | null} */
  const text = form.querySelector("template[data-failed]") ?? document.querySelector("body > template[data-failed]");
  const alert = notice("unanswered", "error", answer || (text?.content.cloneNode(true) ?? ""));
  alert.role = "alert";
  form.prepend(alert);
  focusOn(alert, true);
}
