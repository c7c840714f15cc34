// What all answers and addresses of our own server have in common. This is the only place where text becomes elements: the
// content security policy lets the trusted type named here through and nothing else, and it is made of those answers only.

/** The address of one of our pages, below the path that the console has. @param {string} path */
export const below = (path) => (document.documentElement.dataset.base ?? "") + path;

/** Where the reader is, without that path. */
export const within = () => location.pathname.slice(below("").length) + location.search;

/** @type {{createHTML(text: string): string} | undefined} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("coc-console", {
  createHTML: (/** @type {string} */ text) => text,
});

/**
 * Reads a page of our own server; null when the answer is none. The document is inert: DOMParser marks its scripts so
 * that they never run, also not once they are moved into the live document.
 * @param {Response} response
 */
export async function read(response) {
  if (response.type !== "basic" || !response.headers.get("Content-Type")?.startsWith("text/html")) return null;
  return parse(await response.text());
}

/** Makes a document of markup that our own server sent. @param {string} text */
export const parse = (text) => new DOMParser().parseFromString(policy?.createHTML(text) ?? text, "text/html");
