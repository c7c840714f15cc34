import assert from "node:assert/strict";
import test, { afterEach, beforeEach, mock } from "node:test";
import { page, parse } from "./fake-dom.js";
import { pause, span, splitter, start, step } from "../live.js";
import { plan } from "../refresh.js";

const units = "d|h|min|s|";

/** The page of a ticket with a list of three, of which one has the age of a second. */
const markup = (/** @type {string} */ more = "") => `<body><p id="status"></p><main data-live="/tickets/1/events" data-digest="d0"
 data-lost="Lost since {time}" data-ended="Ended" data-denied="Denied" data-again="Again" data-units="${units}" data-ago="{age} ago"${more}><article data-status="RUNNING"><h1 id="heading" data-announce="" data-status="RUNNING">Running</h1></article><p id="order-changed" hidden="" data-moved="{n} moved"><span></span></p><b data-age="${Date.now() - 1000}"></b><div data-calm=""><ul id="instance-rows"><li id="a">A</li><li id="b"><a href="/b">B</a></li><li id="c">C</li></ul></div></main></body>`.replaceAll("\n", "");

/** Streams, in the order in which they were asked for: what each was asked with, and how to send. */
let asked = [];
/** What is answered in place of a stream. @type {Response | undefined} */
let refusal;

// For all tests: a script that keeps the number of a timer must not find another timer under it.
mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000 });

beforeEach(() => {
  asked = [];
  refusal = undefined;
  globalThis.location = { pathname: "/tickets/1", search: "?batch=1", href: "https://console.test/tickets/1" };
  globalThis.DOMParser = class {
    parseFromString = (/** @type {string} */ text) => parse(`<all>${text}</all>`);
  };
  globalThis.scrollBy = () => {};
  globalThis.fetch = async (url, { headers, signal }) => {
    const stream = new TransformStream();
    const writer = stream.writable.getWriter();
    writer.closed.catch(() => {});
    signal.addEventListener("abort", () => writer.abort(signal.reason).catch(() => {}));
    const send = async (/** @type {string} */ text) => {
      await writer.write(new TextEncoder().encode(text));
      await settled();
    };
    asked.push({ url, why: headers["Coc-Console-Refresh"], digest: headers["Last-Event-ID"], signal, send, close: () => writer.close().then(settled) });
    return refusal ?? new Response(stream.readable, { headers: { "Content-Type": "text/event-stream" } });
  };
});

afterEach(() => {
  globalThis.document.hidden = true;
  globalThis.document.dispatchEvent(new Event("visibilitychange"));
  plan(); // nothing, as nobody sees the page
});

/** Lets what has arrived take its way through the streams. */
async function settled() {
  for (let i = 0; i < 30; i++) await new Promise(setImmediate);
}

/** Shows a page with its stream. */
async function open(more = "") {
  globalThis.document = page(markup(more));
  start();
  await settled();
  return { document: globalThis.document, main: document.querySelector("main"), rows: () => document.getElementById("instance-rows").children.map((e) => e.id).join("") };
}

const event = (/** @type {string} */ id, /** @type {string} */ data) => `id: ${id}\nevent: change\ndata: ${data}\n\n`;
const part = (/** @type {string} */ html) => `<template>${html}</template>`;
const order = (/** @type {string} */ ids) => `<template data-list="instance-rows" data-order="${ids}"></template>`;

test("a packet changes the parts that it names, and what the page shows is asked on from", async () => {
  const { main, document } = await open();
  assert.deepEqual([asked.length, asked[0].url, asked[0].digest], [1, "/tickets/1/events", "d0"]);
  const [a, heading] = [document.getElementById("a"), document.getElementById("heading")];
  await asked[0].send(event("d1", part('<li id="a">A!</li>') + part('<h1 id="heading" data-announce="" data-status="ABNORMAL">Failed</h1>')));
  assert.equal(a.textContent, "A!");
  assert.equal(document.getElementById("heading"), heading, "the same element");
  assert.equal(main.dataset.digest, "d1");
  mock.timers.tick(100);
  assert.equal(document.getElementById("status").textContent, "Failed", "said to those who do not see it");
  await asked[0].send(event("d2", part('<li id="a">A?</li>')));
  document.getElementById("status").textContent = "";
  mock.timers.tick(100);
  assert.equal(document.getElementById("status").textContent, "", "what is no news is not said");
});

test("a packet may come in pieces", async () => {
  const { document } = await open();
  for (const piece of event("d1", part('<li id="a">ä!</li>')).match(/.{1,7}|\n/gs) ?? []) await asked[0].send(piece);
  assert.equal(document.getElementById("a").textContent, "ä!");
});

test("lists get new members, lose old ones, and are put into order", async () => {
  const { rows } = await open();
  await asked[0].send(event("d1", part('<li id="d">D</li>') + order("c d a")));
  assert.equal(rows(), "cda");
});

for (const [hold, end] of [["activeElement", "focusout"], ["under", "pointerout"]]) {
  test("nothing moves under somebody's hands, until they are away: " + end, async () => {
    const { document, rows } = await open();
    document[hold] = document.querySelector("a");
    await asked[0].send(event("d1", part('<li id="a">A!</li>') + order("c b a")));
    assert.equal(rows(), "abc");
    assert.equal(document.getElementById("a").textContent, "A!", "what is shown is right all the same");
    assert.equal(document.getElementById("order-changed").hidden, false);
    assert.equal(document.getElementById("order-changed").textContent, "2 moved");
    document[hold] = null;
    document.dispatchEvent(new Event(end));
    mock.timers.tick(1);
    assert.equal(rows(), "cba");
    assert.equal(document.getElementById("order-changed").hidden, true);
  });

  test("nothing goes away under somebody's hands, until they are away: " + end, async () => {
    const { document } = await open();
    const link = (document[hold] = document.querySelector("a"));
    await asked[0].send(event("d1", part('<li id="b">b</li>')));
    assert.ok(link.isConnected);
    document[hold] = null;
    await asked[0].send(event("d2", part('<li id="b">b</li>')));
    assert.equal(document.getElementById("b").textContent, "b");
  });
}

test("a stream that broke is asked for again, from what the page shows, and the page says since when", async () => {
  const { document } = await open();
  await asked[0].send(event("d1", ""));
  await asked[0].close();
  mock.timers.tick(1_000); // the first pause is at most three quarters of a second
  await settled();
  assert.equal(asked.length, 2);
  assert.equal(asked[1].digest, "d1");
  assert.equal(document.getElementById("stale"), null, "not yet");
  refusal = new Response("", { status: 502 });
  await asked[1].close();
  for (let i = 0; i < 10; i++) {
    mock.timers.tick(1_000);
    await settled();
  }
  assert.match(document.getElementById("stale").textContent, /^Lost since \d\d:\d\d:\d\d$/);
  refusal = undefined;
  for (const before = asked.length; asked.length === before; await settled()) mock.timers.tick(1_000);
  await asked.at(-1).send(event("d2", ""));
  assert.equal(document.getElementById("stale"), null);
});

test("silence is a stream that broke", async () => {
  await open();
  await asked[0].send(": \n\n");
  mock.timers.tick(46_000);
  await settled();
  assert.equal(asked[0].signal.reason, "silent");
  mock.timers.tick(1_000);
  await settled();
  assert.equal(asked.length, 2);
});

test("a tab that nobody sees has no stream", async () => {
  const { document } = await open();
  document.hidden = true;
  document.dispatchEvent(new Event("visibilitychange"));
  assert.ok(asked[0].signal.aborted);
  document.hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(asked.length, 2);
});

for (const [why, check] of Object.entries({
  final: (document, main) => assert.deepEqual([main.dataset.live, main.dataset.refresh, document.getElementById("stale")], [undefined, undefined, null]),
  session: (document) => {
    assert.equal(document.getElementById("stale").textContent, "Ended Again");
    assert.equal(document.querySelector("#stale a").href, "/sign-in?return=%2Ftickets%2F1%3Fbatch%3D1");
  },
  forbidden: (document) => assert.equal(document.getElementById("stale").textContent, "Denied"),
  full: (_, main) => assert.deepEqual([main.dataset.live, main.dataset.refresh], [undefined, "5"]),
})) {
  test("a stream that ends for good: " + why, async () => {
    const { document, main } = await open(' data-refresh="5"');
    await asked[0].send(`event: end\ndata: ${why}\n\n`);
    check(document, main);
    mock.timers.tick(60_000);
    await settled();
    const asks = why === "full" ? [location.href] : []; // where streams are full the page asks, now and then
    assert.deepEqual(asked.map(({ url }) => url), ["/tickets/1/events", ...asks]);
  });
}

for (const status of [429, 503]) {
  test(`a page that gets no stream says why, and goes on as one that refreshes itself: ${status}`, async () => {
    refusal = new Response("", { status, headers: { "Retry-After": "30" } });
    const { document, main } = await open(' data-refresh="5" data-full="Too many"');
    await settled();
    assert.equal(document.getElementById("not-live").textContent, "Too many");
    assert.deepEqual([main.dataset.live, main.dataset.refresh], [undefined, "5"]);
    refusal = undefined;
  });
}

test("a stream of which nothing arrives is given up: the page says why, and asks every 10 s", async () => {
  const { document, main } = await open(' data-refresh="30" data-buffered="Held back"');
  mock.timers.tick(10_000);
  await settled();
  assert.equal(asked[0].signal.reason, "buffered");
  assert.deepEqual([main.dataset.live, main.dataset.refresh], [undefined, "10"]);
  assert.equal(document.getElementById("not-live").textContent, "Held back");
  mock.timers.tick(10_000);
  await settled();
  assert.deepEqual([asked.length, asked[1].url, asked[1].why], [2, location.href, "buffered"]);
});

test("ages go on", async () => {
  const { document } = await open();
  assert.equal(document.querySelector("b").textContent, "(1 s ago)");
  mock.timers.tick(2_000);
  assert.equal(document.querySelector("b").textContent, "(3 s ago)");
});

test("times that have passed are told in their two largest units", () => {
  const names = units.split("|");
  for (const [ms, want] of [[-5, "0 s"], [59_999, "59 s"], [61_000, "1 min 01 s"], [3_600_000, "1 h 00 min"], [90_061_000, "1 d 01 h"]]) {
    assert.equal(span(ms, names), want);
  }
});

test("pauses grow up to half a minute, half as long to half as long again", () => {
  assert.deepEqual([0, 1, 5, 6, 50].map((n) => pause(n, 0.5)), [500, 1000, 16_000, 30_000, 30_000]);
  assert.deepEqual([pause(0, 0), pause(0, 1)], [250, 750]);
});

test("events are cut out of a text wherever it was cut", () => {
  const text = ": a sign of life\n\nid: 1\nevent: change\ndata: a\ndata:  b\n\nevent: end\ndata: full\n\nid: half";
  const want = [{ id: "1", name: "change", data: "a\n b" }, { id: "", name: "end", data: "full" }];
  for (let cut = 0; cut <= text.length; cut++) {
    const events = splitter();
    assert.deepEqual([...events(text.slice(0, cut)), ...events(text.slice(cut))], want, String(cut));
  }
});

test("arrow keys on the map", () => {
  const rows = [3, 1, 2];
  for (const [y, x, key, want] of [
    [0, 0, "ArrowRight", [0, 1]], [0, 2, "ArrowRight", null], [0, 0, "ArrowLeft", null], [0, 2, "ArrowDown", [1, 0]],
    [2, 1, "ArrowUp", [1, 0]], [2, 0, "ArrowDown", null], [0, 2, "Home", [0, 0]], [0, 0, "End", [0, 2]], [0, 0, "x", null], [-1, -1, "End", null],
  ]) {
    assert.deepEqual(step(rows, y, x, key), want, `${y} ${x} ${key}`);
  }
});
