// Makes the pages one application, on top of links and forms that work without. A part leaves the page as it is when the
// browser lacks what it needs or the page has nothing for it; one that fails does not take the others along.
import { start as ago } from "./ago.js";
import { start as audit } from "./audit.js";
import { start as counts } from "./counts.js";
import { start as forms } from "./forms.js";
import { start as keyboard } from "./keyboard.js";
import { start as live } from "./live.js";
import { start as log } from "./log.js";
import { start as navigate } from "./navigate.js";
import { start as palette } from "./palette.js";
import { start as person } from "./person.js";
import { start as refresh } from "./refresh.js";
import { start as select } from "./select.js";
import { start as zone } from "./zone.js";

for (const start of [zone, navigate, person, forms, refresh, live, log, audit, palette, keyboard, select, ago, counts]) {
  try {
    start();
  } catch (error) {
    console.error(error);
  }
}
