import assert from "node:assert/strict";
import test from "node:test";
import { ours } from "../navigate.js";

const origin = "https://console.test";

/** An event of a click on a link to a page, with differences. */
const event = ({ url = "/audit", sameDocument = false, source = [], ...rest } = {}) => ({
  canIntercept: true,
  hashChange: false,
  downloadRequest: null,
  formData: null,
  navigationType: "push",
  destination: { url: new URL(url, origin).href, sameDocument },
  sourceElement: { closest: (/** @type {string} */ list) => source.find((one) => list.split(", ").includes(one)) ?? null },
  ...rest,
});

test("which navigations are taken over", async (t) => {
  const cases = {
    "a link": [{}, true],
    "no source": [{ sourceElement: null }, true],
    "the same address again": [{ navigationType: "replace" }, true],
    "back to a page shown without a load": [{ navigationType: "traverse", sameDocument: true }, true],
    "our own replaceState": [{ navigationType: "replace", sameDocument: true }, false],
    "a place in the page": [{ hashChange: true }, false],
    "a download": [{ downloadRequest: "" }, false],
    "a posted form": [{ formData: {} }, false],
    "a reload": [{ navigationType: "reload" }, false],
    "another origin": [{ url: "https://elsewhere.test/audit" }, false],
    "a file": [{ url: "/static/0/js/main.js" }, false],
    "what the browser forbids": [{ canIntercept: false }, false],
    "data-reload": [{ source: ["[data-reload]"] }, false],
    "a link with download": [{ source: ["[download]"] }, false],
  };
  for (const [name, [change, want]] of Object.entries(cases)) {
    await t.test(name, () => assert.equal(ours(event(change), origin), want));
  }
});
