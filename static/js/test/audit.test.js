import assert from "node:assert/strict";
import test from "node:test";
import { typed } from "../audit.js";

test("the word before the caret is what can be completed", () => {
  for (const [text, from, field, prefix] of [
    ["", 0, "", ""],
    ["ac", 0, "", "ac"],
    ["disk actor:an", 5, "actor", "an"],
    ["disk -actor:an", 6, "actor", "an"],
    ["actor：安", 0, "actor", "安"],
    ['actor:"ann o', 0, "actor", "ann o"],
    ['actor:"ann other" ', 18, "", ""],
    ['"two words" out', 12, "", "out"],
    ["outcome:", 0, "outcome", ""],
  ]) {
    assert.deepEqual(typed(text), { from, field, prefix }, text);
  }
});
