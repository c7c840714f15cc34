// First contentful paint of the page of a ticket with 200 instances beside a static page with the same table behind nginx,
// in turns in one Chromium, each time with nothing cached; and what the browser then does. Prints medians and their ratio.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { address, atEnd, browser, finish, folder, median, signIn, start } from "./console.mjs";

const rounds = Number(process.env.ROUNDS || 21);

/** freePort is one that nobody listened on a moment ago. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** nginx serves a page from a folder of its own. */
async function nginx(html) {
  const root = join(folder, "static");
  const port = await freePort();
  mkdirSync(root);
  writeFileSync(join(root, "index.html"), html);
  const config = join(folder, "nginx.conf");
  writeFileSync(config, `${process.getuid() === 0 ? "user root; " : ""}daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; worker_processes 1; events {}
    http { types { text/html html; } gzip on; access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
    uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; server { listen 127.0.0.1:${port}; root ${root}; } }`);
  const child = spawn("nginx", ["-c", config, "-e", "stderr"], { stdio: ["ignore", "ignore", "inherit"] });
  atEnd(() => new Promise((resolve) => { child.once("exit", resolve); child.kill("SIGQUIT"); }));
  const url = `http://127.0.0.1:${port}/`;
  for (let i = 0; i < 100; i++) {
    if (await fetch(url).then((r) => r.ok, () => false)) return url;
  }
  throw new Error("nginx does not answer");
}

/** largest is the ticket with the most instances of those that ended: it stands still. */
async function largest(page, base) {
  await page.goto(base + "/tickets");
  const all = await page.locator("tbody th a").evaluateAll((links) => links.map((a) => a.href));
  let best = { url: all[0], rows: 0, table: "" };
  for (const url of all.slice(0, 12)) {
    await page.goto(url);
    const table = await page.locator("table:has(tr[data-instance])").first().evaluate((t) => t.outerHTML, null, { timeout: 2000 }).catch(() => "");
    const rows = table.split("data-instance=").length - 1;
    if (rows > best.rows) best = { url, rows, table };
  }
  return best;
}

async function visit(page, cdp, url) {
  await cdp.send("Network.clearBrowserCache");
  const before = (await cdp.send("Performance.getMetrics")).metrics;
  await page.goto(url, { waitUntil: "load" });
  const paint = await page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const first = list.getEntriesByName("first-contentful-paint")[0];
      if (first) resolve(first.startTime);
    }).observe({ type: "paint", buffered: true });
  }));
  await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
  const after = (await cdp.send("Performance.getMetrics")).metrics;
  const of = (list, name) => list.find((m) => m.name === name).value;
  const script = of(after, "ScriptDuration");
  return { paint, script: 1000 * (script - (of(before, "ScriptDuration") <= script ? of(before, "ScriptDuration") : 0)) };
}

try {
  const base = await start();
  const context = await browser();
  const page = await context.newPage();
  await signIn(page, base, "manager");
  const ticket = await largest(page, base);
  const plain = await nginx(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>table</title></head><body>${ticket.table.replace(/<svg.*?<\/svg>/gs, "")}</body></html>`);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Performance.enable");
  const ours = [], theirs = [];
  for (let i = 0; i < rounds; i++) {
    ours.push(await visit(page, cdp, ticket.url));
    theirs.push(await visit(page, cdp, plain));
  }
  const paint = [ours, theirs].map((all) => median(all.map((v) => v.paint)));
  console.log(`${ticket.rows} instances, ${rounds} rounds, medians: first contentful paint ${paint[0].toFixed(1)} ms, nginx ${paint[1].toFixed(1)} ms, ratio ${(paint[0] / paint[1]).toFixed(2)}`);
  console.log(`script ${median(ours.map((v) => v.script)).toFixed(1)} ms`);
} finally {
  await finish();
}
process.exit(0);
