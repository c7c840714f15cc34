import assert from "node:assert/strict";
import test from "node:test";
import { morph, pair } from "../morph.js";
import { find, log, parse } from "./fake-dom.js";

test("the result is the other tree", async (t) => {
  const trees = [
    "<main></main>",
    "<main>text</main>",
    '<main class="a"><p>one</p><p>two</p></main>',
    '<main><p>zero</p><p>one</p> <b>two</b></main>',
    '<main><ul><li id="a">A</li> <li id="b">B</li> <li id="c">C</li></ul></main>',
    '<main><ul><li id="c">C</li> <li id="a">A!</li></ul><p>x</p></main>',
    '<main><p>x</p><ul><li id="d">D</li><li id="b">B</li><li id="a">A</li><li id="c">C</li></ul></main>',
    '<main><table><tr data-instance="1"><td>1</td></tr><tr data-instance="2"><td>2</td></tr></table></main>',
    '<main><table><tr data-instance="2"><td>2</td></tr><tr data-instance="1"><td>1</td></tr></table></main>',
    '<main><i id="same">1</i><i id="same">2</i><i id="same">3</i></main>',
    '<main><b>1</b><i id="same">4</i><b>2</b></main>',
  ];
  for (const from of trees) {
    for (const to of trees) {
      await t.test(from + " to " + to, () => {
        const live = parse(from);
        morph(live, parse(to), []);
        assert.equal(String(live), to);
      });
    }
  }
});

test("random lists become each other", () => {
  let seed = 1;
  const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
  const list = () =>
    "<ul>" +
    Array.from({ length: random(8) }, () => [`<li id="i${random(6)}">x</li>`, "<li>y</li>", " ", "<b>z</b>"][random(4)]).join("") +
    "</ul>";
  for (let i = 0; i < 2000; i++) {
    const [from, to] = [list(), list()];
    const live = parse(from);
    const want = String(parse(to));
    morph(live, parse(to), []);
    assert.equal(String(live), want, from);
  }
});

test("elements stay the same ones", async (t) => {
  const cases = {
    "by id, when order changes": ['<ul><li id="a">1</li><li id="b">2</li></ul>', '<ul><li id="b">2</li><li id="a">3</li></ul>', "a"],
    "by what they stand for": [
      '<ul><li data-instance="1"><b>1</b></li><li data-instance="2"><i>2</i></li></ul>',
      '<ul><li data-instance="2"><i>2</i></li></ul>',
      "i",
    ],
    "when something comes before": ["<main><h1>a</h1><form>b</form></main>", "<main><p>!</p><h1>a</h1><form>b</form></main>", "form"],
    "when something before goes": ["<main><p>!</p><h1>a</h1><form>b</form></main>", "<main><h1>a</h1><form>b</form></main>", "form"],
    "when attributes change": ['<main><b class="x">1</b></main>', '<main><b class="y">1</b></main>', "b"],
  };
  for (const [name, [from, to, which]] of Object.entries(cases)) {
    await t.test(name, () => {
      const live = parse(from);
      const before = find(live, which);
      morph(live, parse(to), []);
      assert.equal(find(live, which), before);
      assert.equal(String(live), to);
    });
  }
});

test("an equal tree is not touched", () => {
  const markup = '<main><p class="a">x</p> <ul><li id="a">1</li><li id="b">2</li></ul></main>';
  const [live, same] = [parse(markup), parse(markup)];
  log.length = 0;
  morph(live, same, []);
  assert.deepEqual(log, []);
});

test("one row more is one insertion", () => {
  const live = parse('<ul> <li id="a">1</li> <li id="b">2</li> </ul>');
  const next = parse('<ul> <li id="c">0</li> <li id="a">1</li> <li id="b">2</li> </ul>');
  log.length = 0;
  morph(live, next, []);
  assert.deepEqual(log.toSorted(), ["insert #text", "insert c"]);
});

test("what belongs to the reader stays", () => {
  const live = parse('<main><details open="">a</details><h1 tabindex="-1">b</h1><p data-keep="">mine</p></main>');
  morph(live, parse("<main><details>A</details><h1>B</h1><p>theirs</p></main>"), []);
  assert.equal(String(live), '<main><details open="">A</details><h1 tabindex="-1">B</h1><p data-keep="">mine</p></main>');
  morph(live, parse("<main><details>A</details></main>"), []);
  assert.equal(String(live), '<main><details open="">A</details><p data-keep="">mine</p></main>');
});

test("what was typed and ticked stays, whatever a page begins with", () => {
  const live = parse('<form><input value="a"></input><input type="checkbox"></input></form>');
  const [field, box] = live.children;
  [field.value, box.checked] = ["typed", true];
  for (const pins of [[], [field]]) morph(live, parse('<form><input value="b"></input><input type="checkbox" class="x"></input></form>'), pins);
  assert.deepEqual(live.children, [field, box]);
  assert.deepEqual([field.value, box.checked], ["typed", true]);
});

test("a pinned control never becomes another one", async (t) => {
  const cases = {
    "another address": [
      '<p><a href="/pause">Pause</a></p>',
      '<p><a href="/continue">Continue</a></p>',
      '<p><a href="/pause">Pause</a></p>',
    ],
    "another form": [
      '<p><form action="/1"><a>x</a></form></p>',
      '<p><form action="/2"><a>y</a></form></p>',
      '<p><form action="/1"><a>x</a></form></p>',
    ],
    "the same with another text": ['<p><a href="/x">1</a></p>', '<p><a href="/x">2</a></p>', '<p><a href="/x">2</a></p>'],
    "the same id": ['<p><a id="a" href="/x">1</a></p>', '<p><a id="a" href="/y">2</a></p>', '<p><a id="a" href="/y">2</a></p>'],
    "its row goes": [
      '<ul><li id="r1"><a href="/1">1</a></li><li id="r2">2</li></ul>',
      '<ul><li id="r2">2</li></ul>',
      '<ul><li id="r1" data-gone=""><a href="/1">1</a></li><li id="r2">2</li></ul>',
    ],
    "its kind goes": ['<p><a href="/1">1</a>x</p>', "<p>x<b>y</b></p>", '<p><a href="/1" data-gone="">1</a>x<b>y</b></p>'],
  };
  for (const [name, [from, to, want]] of Object.entries(cases)) {
    await t.test(name, () => {
      const live = parse(from);
      const pin = find(live, "a");
      morph(live, parse(to), [pin]);
      assert.equal(String(live), want);
      assert.ok(live.contains(pin));
      morph(live, parse(to), []);
      assert.equal(String(live), to, "once it is let go");
    });
  }
});

test("pair finds the longest common subsequence", () => {
  const of = (a, b) => [...pair([...a], [...b])].sort(([i], [j]) => i - j).map(([j, i]) => a[i] + b[j]).join(" ");
  assert.equal(of("abc", "abc"), "aa bb cc");
  assert.equal(of("abc", "xabc"), "aa bb cc");
  assert.equal(of("abcd", "bd"), "bb dd");
  assert.equal(of("abc", "cab"), "aa bb");
  assert.equal(of("", "abc"), "");
  assert.equal(of("abc", ""), "");
});
