// A console on its simulator in a folder of its own, and a browser that is signed in to it.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const folder = mkdtempSync(join(tmpdir(), "coc-measure-"));
export const debugPort = 9500 + (process.pid % 400);
const ends = [() => rmSync(folder, { recursive: true, force: true })];

/** atEnd has something undone when the measurement is over. */
export function atEnd(undo) {
  ends.unshift(undo);
}

export async function finish() {
  for (const end of ends) await end();
}

/** start builds and starts a console, and resolves to its address. */
export async function start() {
  const binary = join(folder, "coc-console");
  execFileSync("go", ["build", "-trimpath", "-o", binary, "."], { cwd: root, stdio: "inherit", env: { ...process.env, CGO_ENABLED: "0" } });
  const child = spawn(binary, ["--listen", "127.0.0.1:0", "--data", join(folder, "data")]);
  atEnd(() => new Promise((resolve) => { child.once("exit", resolve); child.kill("SIGTERM"); }));
  return new Promise((resolve, reject) => {
    let said = "";
    const listen = (chunk) => {
      said += chunk;
      const found = said.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (found) resolve(found[0]);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.once("exit", () => reject(new Error("the console ended: " + said)));
  });
}

/** browser starts Chromium, whose profile keeps what signIn did. */
export async function browser() {
  const context = await chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath: process.env.COC_CONSOLE_TEST_CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", `--remote-debugging-port=${debugPort}`], viewport: { width: 1350, height: 940 },
  });
  atEnd(() => context.close());
  return context;
}

export async function signIn(page, base, user) {
  await page.goto(base + "/sign-in");
  await page.fill("[name=account]", "demo");
  await page.fill("[name=user]", user);
  await page.fill("[name=password]", user);
  await page.click("#sign-in button");
  await page.waitForURL("**/tickets", { waitUntil: "commit" });
}

/** address is where the first link leads that the selector finds on a page. */
export async function address(page, at, selector) {
  await page.goto(at);
  return page.locator(selector).first().evaluate((a) => a.href);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
