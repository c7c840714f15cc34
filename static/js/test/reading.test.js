import assert from "node:assert/strict";
import test from "node:test";

globalThis.MutationObserver = class {};
const { words } = await import("../ago.js");
const { sequence } = await import("../keyboard.js");
const { positions } = await import("../log.js");
const { keyLike, matches } = await import("../palette.js");

test("times are told by how far they are, within a day", () => {
  for (const [seconds, want] of [[-2, "just now"], [1.9, "just now"], [4, "in 4 sec."], [-59, "59 sec. ago"], [-125, "2 min. ago"], [3700, "in 1 hr."], [-86399, "23 hr. ago"], [-86400, null], [NaN, null]]) {
    assert.equal(words(seconds, "en-US"), want, String(seconds));
  }
  assert.equal(words(-125, "zh-Hans-CN"), "2分钟前");
});

test("two keys are one shortcut when the first is g, and not long ago", () => {
  assert.equal(sequence("", "t", 0), "t");
  assert.equal(sequence("g", "t", 300), "g t");
  assert.equal(sequence("g", "t", 1500), "t");
  assert.equal(sequence("j", "t", 1), "t");
  assert.equal(sequence("g t", "g", 1), "g");
});

test("matches do not overlap, and nothing is nowhere", () => {
  assert.deepEqual(positions("aaa b aa", "aa"), [0, 6]);
  assert.deepEqual(positions("abc", ""), []);
  assert.deepEqual(positions("", "a"), []);
});

test("the palette takes words in any order, and knows keys", () => {
  assert.ok(matches("Pause ticket", "tick pau"));
  assert.ok(!matches("Pause ticket", "pause job"));
  assert.ok(matches("anything", ""));
  assert.ok(keyLike("SCT2026030209151401c2f9a07") && keyLike("a 12345678-1") && keyLike("sct"));
  assert.ok(!keyLike("renew_certificates"));
});
