# SPDX-License-Identifier: MIT
"""Looks at a page in headless Chromium, in light or in dark: what in it leaves its place, lies upon another or is too pale."""
import json
import re
import shutil
import subprocess

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
SCHEMES = {"dark": 0, "light": 1}  # as the browser counts them
PALEST = 4.5  # contrast of text and ground, of the Web Content Accessibility Guidelines

# Runs in the page, and leaves in it what it found.
LOOK = """<script>
const told = [], numbers = colour => colour.match(/[\\d.]+/g).map(Number);
const light = colour => { const [r, g, b] = numbers(colour).map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b; };
const contrast = (one, other) => { const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b); return (bright + .05) / (dark + .05); };
const pale = (where, text, colour, ground) => { if (contrast(colour, ground) < PALEST) told.push(`${where}: pale: ${text}`); };
const ground = getComputedStyle(document.body).backgroundColor;
const under = part => { const own = getComputedStyle(part).backgroundColor;
  return numbers(own)[3] !== 0 ? own : part === document.body ? ground : under(part.parentElement); };
for (const part of document.querySelectorAll("h1, h2, h3, p, dt, dd, caption, th, td, td span, pre, summary"))
  pale("page", part.textContent, getComputedStyle(part).color, under(part));
if (document.documentElement.scrollWidth > innerWidth) told.push("page: is wider than the window");
let looked = 0;
for (const chart of document.querySelectorAll("svg")) {
  const name = chart.getAttribute("aria-label"), view = chart.viewBox.baseVal;
  const fill = getComputedStyle(chart.querySelector(".ground")).fill, boxes = [];
  if (contrast(fill, ground) > 1.01) told.push(`${name}: its ground is not the page's`);
  for (const part of chart.querySelectorAll("text, rect:not(.ground), circle, line")) {
    const box = part.getBBox();
    if (box.x < 0 || box.y < 0 || box.x + box.width > view.width || box.y + box.height > view.height)
      told.push(`${name}: leaves the chart: ${part.textContent || part.outerHTML}`);
  }
  for (const text of chart.querySelectorAll("text")) {
    const box = text.getBBox();
    const behind = text.classList.contains("on") ? getComputedStyle(text.previousElementSibling).fill : fill;
    pale(name, text.textContent, getComputedStyle(text).fill, behind);
    for (const [other, words] of boxes)
      if (box.x < other.x + other.width && other.x < box.x + box.width && box.y + 2 < other.y + other.height && other.y + 2 < box.y + box.height)
        told.push(`${name}: "${text.textContent}" lies upon "${words}"`);
    boxes.push([box, text.textContent]);
    looked++;
  }
}
const said = document.createElement("pre");
said.id = "said";
said.textContent = JSON.stringify({told, looked, light: light(ground), words: document.body.innerText});
document.body.append(said);
</script>""".replace("PALEST", str(PALEST))


def find_browser():
    """None when there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def run(browser, page, scheme, *arguments):
    return subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--hide-scrollbars",
                           "--window-size=1000,900", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *arguments,
                           page.as_uri()], capture_output=True, text=True, check=False, timeout=120)


def look(browser, page, scheme):
    """What the script in the page found; None, and the browser's complaints, when it did not run."""
    done = run(browser, page, scheme, "--dump-dom")
    found = re.search(r'<pre id="said">(.*?)</pre>', done.stdout, re.DOTALL)
    return (json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) if found else None), done.stderr


def console(complaints):
    """The lines that the page itself wrote to the browser's console."""
    return [line for line in complaints.splitlines() if ":CONSOLE" in line]


def check_page(checks, browser, page, scheme, least=80):
    """Answers what was found; None when nothing could be."""
    found, complaints = look(browser, page, scheme)
    if checks.check(found is not None, f"{scheme}: the page can be looked at", complaints):
        checks.check(found["told"] == [], f"{scheme}: all can be read", "\n".join(found["told"]))
        checks.check(found["looked"] > least, f"{scheme}: it has text", found["looked"])
        checks.check((found["light"] < 0.1) == (scheme == "dark"), f"{scheme}: it is {scheme}", found["light"])
        checks.check(console(complaints) == [], f"{scheme}: nothing is on the console", "\n".join(console(complaints)))
    return found
