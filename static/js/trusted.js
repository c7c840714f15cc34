// The only place where text becomes elements. The content security policy lets the trusted type named here through and
// nothing else, and it is made of answers of our own server only.

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
