// As much of the DOM as morph.js needs, with nodes made from a few lines of markup, so that its tests need no browser.

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

  toString() {
    return this.nodeValue;
  }
}

class Element extends Node {
  nodeType = 1;
  ownerDocument = { activeElement: null };
  #attributes = new Map();

  constructor(name) {
    super();
    this.nodeName = name.toUpperCase();
  }

  get id() {
    return this.getAttribute("id") ?? "";
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

/** Finds an element by its id, or else the first of a kind. */
export function find(root, name) {
  for (const child of root.childNodes) {
    const found = child.id === name || child.nodeName === name.toUpperCase() ? child : find(child, name);
    if (found) return found;
  }
  return null;
}
