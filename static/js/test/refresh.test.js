import assert from "node:assert/strict";
import test from "node:test";
import { wait } from "../refresh.js";

test("failures make requests rarer, up to a minute", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 9].map((n) => wait(5, n)), [5, 10, 20, 40, 60, 60]);
  assert.equal(wait(300, 4), 300, "never sooner than the page wants");
});
