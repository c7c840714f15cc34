import assert from "node:assert/strict";
import test from "node:test";
import { words } from "../ago.js";

test("a time that has just passed reads as people say it", () => {
  assert.deepEqual([0, -4.9].map((s) => words(s, "en")), ["just now", "just now"]);
  assert.deepEqual([0, -4.9].map((s) => words(s, "zh-CN")), ["刚刚", "刚刚"]);
});

test("other times are told by their distance, both ways, up to a day", () => {
  assert.deepEqual([-5, -90, -7200, 30, 3, -86400].map((s) => words(s, "en")), ["5 sec. ago", "1 min. ago", "2 hr. ago", "in 30 sec.", "in 3 sec.", null]);
  assert.deepEqual([-5, -90, 30].map((s) => words(s, "zh-CN")), ["5秒前", "1分钟前", "30秒后"]);
});
