// Lighthouse (desktop) over every page, signed in as a manager on the simulator. Prints a table, and exits with 1 where a
// score is below 100. Names of pages, as arguments, measure those alone.
import lighthouse, { desktopConfig } from "lighthouse";
import { address, browser, debugPort, finish, signIn, start } from "./console.mjs";

const categories = ["performance", "accessibility", "best-practices"];

async function operationOn(page, base, ticket) {
  await page.goto(`${ticket.replace(/\?.*/, "")}/operations/new?operation_type=PAUSE_ORDER`);
  await page.fill("[name=reason]", "a measurement");
  await page.click("#confirm");
  await page.waitForURL(/operations\/[A-Z0-9]{20,}/, { waitUntil: "commit" });
  return page.url();
}

/** request asks somebody else to decide an operation; it resolves to the request's page. */
async function request(page, ticket) {
  await page.goto(`${ticket.replace(/\?.*/, "")}/operations/new?operation_type=CANCEL_ORDER`);
  await page.fill("[name=reason]", "a measurement");
  await page.click("#ask");
  await page.waitForURL(/\/approvals\/./, { waitUntil: "commit" });
  return page.url();
}

async function pages(page, base) {
  const ticket = await address(page, base + "/tickets?status=PROCESSING", "tbody th a");
  const failed = await address(page, base + "/tickets?status=ABNORMAL", "tbody th a");
  const instance = await address(page, failed, "tr[data-instance] th a, tr[data-instance] a");
  const receipt = await operationOn(page, base, ticket);
  const record = await address(page, base + "/audit?view=everything", "tbody a[href^='/audit/']:not([href*='?'])");
  const at = (path) => base + path;
  const compare = failed.replace(/\?.*/, "") + "/compare";
  const many = `${failed.replace(/\?.*/, "").replace(base + "/tickets/", at("/bulk/new?operation_type=CANCEL_ORDER&target="))}`;
  return { tickets: at("/tickets"), ticket: failed, "ticket that runs": ticket, instance, compare, confirmation: failed.replace(/\?.*/, "") + "/operations/new?operation_type=CANCEL_ORDER", receipt,
    audit: at("/audit"), "audit, approvals": at("/audit?view=approvals"), "audit, access": at("/audit?view=access"), "audit, everything": at("/audit?view=everything"),
    record, timeline: at("/audit/timeline?ticket=" + ticket.replace(/.*\/tickets\//, "").replace(/\?.*/, "")), integrity: at("/audit/integrity"), report: at("/audit/report"),
    reviews: at("/audit/review"), handover: at("/handover"), approvals: at("/approvals"), "bulk operations": at("/bulk"), "bulk confirmation": many,
    request: await request(page, ticket), "same output": failed.replace(/\?.*/, "") + "?by=output", incident: at("/audit/incident"), "policy change": at("/policies/change"),
    elevations: at("/elevations"), notices: at("/notices"), permissions: at("/me/permissions"), sessions: at("/sessions"), project: at("/project"), shortcuts: at("/shortcuts") };
}

const only = process.argv.slice(2);
let worst = 100;

async function measure(name, url) {
  const { lhr } = await lighthouse(url, { port: debugPort, onlyCategories: categories, disableStorageReset: true, logLevel: "error" }, desktopConfig);
  const scores = categories.map((c) => Math.round((lhr.categories[c].score ?? 0) * 100));
  worst = Math.min(worst, ...scores);
  console.log(name.padEnd(20), scores.map((s) => String(s).padStart(4)).join(" "), lhr.runtimeError?.message ?? "");
  for (const c of categories) {
    for (const { id, weight } of lhr.categories[c].auditRefs) {
      const audit = lhr.audits[id];
      const told = audit.errorMessage ?? audit.explanation ?? "";
      if (weight > 0 && (audit.errorMessage || (audit.score !== null && audit.score < 0.9))) console.log("   ", id, audit.displayValue ?? "", told);
    }
  }
}

try {
  const base = await start();
  const context = await browser();
  const page = await context.newPage();
  console.log("page".padEnd(20), categories.join(" "));
  if (only.length === 0) await measure("sign-in", base + "/sign-in");
  await signIn(page, base, "manager");
  for (const [name, url] of Object.entries(await pages(page, base))) if (only.length === 0 || only.includes(name)) await measure(name, url);
} finally {
  await finish();
}
process.exit(worst < 100 ? 1 : 0);
