import assert from "node:assert/strict";
import test from "node:test";
import { query } from "../forms.js";

test("the address of a GET form", () => {
  const data = new FormData();
  data.append("status", "");
  data.append("name", " a&b ");
  data.append("creator", "  ");
  data.append("batch", "1");
  data.append("batch", "2");
  data.append("file", new Blob(["x"]));
  const url = query(new URL("https://console.test/tickets?old=1#list"), data);
  assert.equal(url, "https://console.test/tickets?name=+a%26b+&batch=1&batch=2#list");
  assert.equal(query(new URL("https://console.test/tickets?old=1"), new FormData()), "https://console.test/tickets");
});
