// Looks at every page of the built documentation in Chromium, at the widths of a desktop
// and a phone, in light and dark: axe-core must find nothing serious, no page may scroll
// sideways, and no text may be cut off. Run by hand, after a build:
//
//     npm install --prefix /tmp/pages axe-core mathjax puppeteer-core
//     node docs/check_pages.mjs docs/_build/html /tmp/pages [folder for screenshots]
//
// Nothing is loaded from the network: MathJax comes from the installed packages. CHROMIUM
// is the path of the browser, /usr/bin/chromium if it is not set, and PAGES a regular
// expression for the paths of the pages, all if it is not set.

import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const [html, packages, screenshots] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(packages, "node_modules", "packages.js"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const WIDTHS = { desktop: 1280, phone: 390 };
const THEMES = ["light", "dark"];
const SKIPPED = /^(_|search\.html$)/;
const CDN = /^https:\/\/cdn\.jsdelivr\.net\/npm\/((?:@[^/]+\/)?[^/@]+)(?:@[^/]+)?\/([^?#]+)/;
const SERIOUS = new Set(["serious", "critical"]);

// Returns the text of elements that are wider than the window, where nothing scrolls them,
// and of the links at the foot that are wider than their boxes.
function textThatIsCutOff() {
  const links = [...document.querySelectorAll(".prev-next-area a")]
    .filter((e) => e.scrollWidth > e.clientWidth + 1);
  const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
  const others = [...document.querySelectorAll("article *")]
    .filter((e) => e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1)
    .filter((e) => e.getBoundingClientRect().left + e.scrollWidth > innerWidth)
    .filter((e) => {
      while (e.tagName !== "ARTICLE" && !scrolls(e)) e = e.parentElement;
      return e.tagName === "ARTICLE";
    });
  return [...links, ...others].map((e) => e.textContent.trim().slice(0, 40));
}

const pages = readdirSync(html, { recursive: true })
  .filter((path) => path.endsWith(".html") && !SKIPPED.test(path))
  .filter((path) => new RegExp(process.env.PAGES ?? "").test(path))
  .sort();
if (screenshots) mkdirSync(screenshots, { recursive: true });

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--allow-file-access-from-files"],
});
let found = 0;
const report = (path, setting, text) => {
  found += 1;
  console.log(`${path} (${setting}): ${text}`);
};

const tab = await browser.newPage();
await tab.setRequestInterception(true);
tab.on("request", (request) => {
  const [, name, path] = request.url().match(CDN) ?? [];
  const file = name && join(packages, "node_modules", name, path);
  if (/^(file|data|blob):/.test(request.url())) {
    request.continue();
  } else if (file && existsSync(file)) {
    request.respond({
      body: readFileSync(file),
      contentType: file.endsWith(".js") ? "text/javascript" : undefined,
      headers: { "Access-Control-Allow-Origin": "*" },
    });
  } else {
    request.abort();
  }
});
for (const theme of THEMES) {
  await tab.evaluateOnNewDocument((mode) => {
    localStorage.setItem("mode", mode);
    localStorage.setItem("theme", mode);
  }, theme);
  for (const [device, width] of Object.entries(WIDTHS)) {
    await tab.setViewport({ width, height: 900 });
    for (const path of pages) {
      const setting = `${device}, ${theme}`;
      await tab.goto(`file://${join(html, path)}`, { timeout: 0 });
      await tab.waitForFunction(() =>
        [...document.querySelectorAll(".math")].every((e) => e.querySelector("mjx-container")),
      );
      const overflow = await tab.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      );
      if (overflow > 0) report(path, setting, `scrolls sideways by ${overflow} px`);
      const cut = await tab.evaluate(textThatIsCutOff);
      if (cut.length) report(path, setting, `cut off: ${cut.length} x ${cut.at(-1)}`);
      await tab.evaluate(axe);
      const { violations } = await tab.evaluate(() => axe.run({ resultTypes: ["violations"] }));
      for (const { id, impact, nodes } of violations) {
        if (SERIOUS.has(impact)) {
          report(path, setting, `${impact}: ${id}: ${nodes.length} x ${nodes[0].target}`);
        }
      }
      if (screenshots) {
        const name = `${path.replaceAll("/", "-")}-${device}-${theme}.png`;
        await tab.screenshot({ path: join(screenshots, name) });
      }
    }
  }
}
await browser.close();
console.log(`${pages.length} pages, ${found} findings`);
process.exit(found ? 1 : 0);
