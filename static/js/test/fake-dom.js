// As much of the DOM as morph.js and live.js need, with nodes made from a few lines of markup, so that tests need no browser.

class Node {
  parentNode = null;
  childNodes = [];

  get firstChild() {
    return this.childNodes[0] ?? null;
  }

  get nextSibling() {
    const all = this.parentNode.childNodes;
    return all[all.indexOf(this) + 1] ?? null;
  }

  get children() {
    return this.childNodes.filter((n) => n.nodeType === 1);
  }

  get firstElementChild() {
    return this.children[0] ?? null;
  }

  get nextElementSibling() {
    const all = this.parentNode.children;
    return all[all.indexOf(this) + 1] ?? null;
  }

  contains(other) {
    for (let n = other; n; n = n.parentNode) if (n === this) return true;
    return false;
  }

  remove() {
    const all = this.parentNode?.childNodes;
    all?.splice(all.indexOf(this), 1);
    this.parentNode = null;
  }

  insertBefore(node, before) {
    if (node === before) throw new Error("a node before itself");
    node.remove();
    const at = before === null ? this.childNodes.length : this.childNodes.indexOf(before);
    if (at < 0) throw new Error("not a child");
    this.childNodes.splice(at, 0, node);
    node.parentNode = this;
    log.push("insert " + (node.id || node.nodeName));
    return node;
  }
}

class Text extends Node {
  nodeType = 3;
  nodeName = "#text";

  constructor(text) {
    super();
    this.nodeValue = text;
  }

  get textContent() {
    return this.nodeValue;
  }

  toString() {
    return this.nodeValue;
  }
}

const attribute = (/** @type {string} */ name) => "data-" + name.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase());

/** @param {Element} e @param {string} selector without spaces */
function one(e, selector) {
  const parts = selector.match(/^\w+|#[\w-]+|\[[^\]]+\]|:hover/g) ?? [];
  return parts.every((part) => {
    if (part === ":hover") return !!globalThis.document?.under && e.contains(document.under);
    if (part[0] === "#") return e.id === part.slice(1);
    const [, name, value] = /^\[([\w-]+)(?:=(.*))?\]$/.exec(part) ?? [];
    if (name) return value === undefined ? e.hasAttribute(name) : e.getAttribute(name) === value.replaceAll("'", "");
    return e.nodeName === part.toUpperCase();
  });
}

class Element extends Node {
  nodeType = 1;
  #attributes = new Map();
  dataset = new Proxy(
    {},
    {
      get: (_, name) => this.getAttribute(attribute(name)) ?? undefined,
      set: (_, name, value) => (this.setAttribute(attribute(name), String(value)), true),
      deleteProperty: (_, name) => (this.removeAttribute(attribute(name)), true),
    },
  );

  constructor(name) {
    super();
    this.nodeName = name.toUpperCase();
  }

  get id() {
    return this.getAttribute("id") ?? "";
  }

  set id(id) {
    this.setAttribute("id", id);
  }

  set className(name) {
    this.setAttribute("class", name);
  }

  get hidden() {
    return this.hasAttribute("hidden");
  }

  set hidden(on) {
    if (on) this.setAttribute("hidden", "");
    else this.removeAttribute("hidden");
  }

  get tabIndex() {
    return Number(this.getAttribute("tabindex") ?? 0);
  }

  set tabIndex(n) {
    this.setAttribute("tabindex", String(n));
  }

  get ownerDocument() {
    return globalThis.document ?? { activeElement: null };
  }

  get isConnected() {
    return !!globalThis.document?.root.contains(this);
  }

  get content() {
    return this; // of a template
  }

  get textContent() {
    return this.childNodes.map((n) => n.textContent).join("");
  }

  set textContent(text) {
    this.childNodes = [];
    this.append(text);
  }

  append(...nodes) {
    for (const n of nodes) this.insertBefore(typeof n === "string" ? new Text(n) : n, null);
  }

  prepend(...nodes) {
    for (const n of nodes.reverse()) this.insertBefore(n, this.firstChild);
  }

  addEventListener() {}

  getBoundingClientRect() {
    return { top: 0 };
  }

  /** Understands lists of kinds, ids, attributes, one state and descendants. @param {string} selectors */
  matches(selectors) {
    return selectors.split(", ").some((selector) => {
      const steps = selector.split(" ");
      if (!one(this, steps.pop())) return false;
      return !steps.length || !!this.parentNode?.closest?.(steps.join(" "));
    });
  }

  closest(selectors) {
    return this.matches(selectors) ? this : (this.parentNode?.closest?.(selectors) ?? null);
  }

  querySelectorAll(selectors) {
    return this.children.flatMap((e) => [...(e.matches(selectors) ? [e] : []), ...e.querySelectorAll(selectors)]);
  }

  querySelector(selectors) {
    return this.querySelectorAll(selectors)[0] ?? null;
  }

  get attributes() {
    return [...this.#attributes].map(([name, value]) => ({ name, value }));
  }

  getAttribute(name) {
    return this.#attributes.get(name) ?? null;
  }

  hasAttribute(name) {
    return this.#attributes.has(name);
  }

  setAttribute(name, value) {
    this.#attributes.set(name, value);
    log.push("set " + name);
  }

  removeAttribute(name) {
    this.#attributes.delete(name);
  }

  toString() {
    const attributes = this.attributes.map(({ name, value }) => ` ${name}="${value}"`).join("");
    const name = this.nodeName.toLowerCase();
    return `<${name}${attributes}>${this.childNodes.join("")}</${name}>`;
  }
}

/** What was done to any tree. @type {string[]} */
export const log = [];

/**
 * Makes an element from markup in which every element is closed and every attribute has a value in double quotes.
 * @param {string} markup
 */
export function parse(markup) {
  const root = new Element("root");
  let at = root;
  for (const [, close, open, attributes, text] of markup.matchAll(/<\/(\w+)>|<(\w+)((?: [\w-]+="[^"]*")*)>|([^<]+)/g)) {
    if (close) {
      at = at.parentNode;
    } else if (open) {
      const e = new Element(open);
      for (const [, name, value] of attributes.matchAll(/([\w-]+)="([^"]*)"/g)) e.setAttribute(name, value);
      at = at.insertBefore(e, null);
    } else {
      at.insertBefore(new Text(text), null);
    }
  }
  const [element] = root.childNodes;
  element.remove();
  return element;
}

/**
 * Makes a document, for scripts to find where a browser has its own.
 * @param {string} markup of its root
 */
export function page(markup) {
  const root = parse(markup);
  const listeners = new EventTarget();
  return {
    root,
    documentElement: { dataset: {} },
    hidden: false,
    title: "",
    activeElement: null,
    under: null, // what the pointer is on
    createElement: (name) => new Element(name),
    getElementById: (id) => root.querySelector("#" + id),
    querySelector: (selectors) => root.querySelector(selectors),
    querySelectorAll: (selectors) => root.querySelectorAll(selectors),
    addEventListener: (...all) => listeners.addEventListener(...all),
    dispatchEvent: (event) => listeners.dispatchEvent(event),
  };
}

/** Finds an element by its id, or else the first of a kind. */
export function find(root, name) {
  for (const child of root.childNodes) {
    const found = child.id === name || child.nodeName === name.toUpperCase() ? child : find(child, name);
    if (found) return found;
  }
  return null;
}
