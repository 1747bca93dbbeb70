# SPDX-License-Identifier: MIT
"""Looks at the drawn page in Chromium, in light and in dark: no text leaves its chart, lies upon another or is too pale.

    check_charts.py DRAW
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks  # noqa: E402

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
SCHEMES = {"dark": 0, "light": 1}  # as the browser counts them
PALEST = 4.5  # contrast of text and ground, of the Web Content Accessibility Guidelines
FIGURES = ["add_ref_release", "add_ref_release_contended", "lease", "lease_nested", "lease_shared_library", "lease_contended",
           "close_leased_elsewhere_ns", "open_close_added", "read_added", "finalize_1m", "pause_1m", "bytes_per_handle",
           "pause_growth", "threads_scaling"]
PEERS = [("liburcu", 0.17, 0.03), ("Rust Arc<OwnedFd>", 1.16, 1.39), ("Concurrency Kit", 1.01, 0.18),
         ("a peer & its \"long\" name", None, 3.06), ("dup and close", 26.6, 11.7), ("something slow", 4321, None)]

# Runs in the page, and leaves in it what it found.
LOOK = """<script>
const told = [], numbers = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = colour => { const [r, g, b] = numbers(colour).map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b; };
const contrast = (one, other) => { const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b); return (bright + .05) / (dark + .05); };
const pale = (where, text, colour, ground) => { if (contrast(colour, ground) < PALEST) told.push(`${where}: pale: ${text}`); };
const ground = getComputedStyle(document.body).backgroundColor;
for (const cell of document.querySelectorAll("h1, h2, p, th, td, td span"))
  pale("page", cell.textContent, getComputedStyle(cell).color, ground);
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
    pale(name, text.textContent, getComputedStyle(text).fill, fill);
    for (const [other, words] of boxes)
      if (box.x < other.x + other.width && other.x < box.x + box.width && box.y + 2 < other.y + other.height && other.y + 2 < box.y + box.height)
        told.push(`${name}: "${text.textContent}" lies upon "${words}"`);
    boxes.push([box, text.textContent]);
    looked++;
  }
}
const said = document.createElement("pre");
said.id = "said";
said.textContent = JSON.stringify({told, looked, light: light(ground)});
document.body.append(said);
</script>""".replace("PALEST", str(PALEST))


def spread(value):
    return {"median": value, "low": value and value * 0.9, "high": value and value * 1.1}


def sample():
    """What the program could print: very small and very large values, some missing."""
    values = dict.fromkeys(FIGURES, 1.0) | {"lease": 0.07, "lease_contended": 0.001, "open_close_added": 250, "read_added": -0.003,
                                            "threads_scaling": None}
    also = {"add_ref_release_shared_library": 1.4}
    targets = {name: {"at_most": 1.05, "met": None if value is None else value < 1.05, "what": f"what {name} is"}
               for name, value in (values | also).items()}
    growth = [{"variant": variant, "count": int(count * 1e6), "pause_ms": spread(cost * count), "bytes": spread(size)}
              for variant, cost, size in [("unwatched", 20, 35), ("safehandle", 22, 43), ("no-order", 130, 112)]
              for count in (0.25, 0.5, 1, 2, 4)]
    return {"ratios": values, "also": also, "spread": {name: spread(value) for name, value in (values | also).items()},
            "targets": targets, "growth": growth, "rounds": 5, "defaults_on": ["events", "<sites>"],
            "peers": [{"peer": name, "version": "1.0", "alone": alone, "contended": contended, "note": "a note"}
                      for name, alone, contended in PEERS],
            "machine": {"processor": "P", "processors": 2, "system": "S", "kernel": "K"},
            "versions": {"date": "2026-01-01", "libgc": "8", "compiler": "12", "libc": "2", "safehandle": "0"}}


def look(browser, page, scheme):
    """What the script in the page found; None, and the browser's complaints, when it did not run."""
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,900", "--dump-dom",
                           f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", page.as_uri()],
                          capture_output=True, text=True, check=False, timeout=120)
    found = re.search(r'<pre id="said">(.*?)</pre>', done.stdout, re.DOTALL)
    return (json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) if found else None), done.stderr


def check_page(checks, browser, page, scheme):
    found, complaints = look(browser, page, scheme)
    if checks.check(found is not None, f"{scheme}: the page can be looked at", complaints):
        checks.check(found["told"] == [], f"{scheme}: all can be read", "\n".join(found["told"]))
        checks.check(found["looked"] > 80, f"{scheme}: it has text", found["looked"])
        checks.check((found["light"] < 0.1) == (scheme == "dark"), f"{scheme}: it is {scheme}", found["light"])


def check_files(checks, place):
    charts = sorted((place / "charts").glob("*.svg"))
    checks.check(len(charts) == 5, "there are five charts", charts)
    for chart in charts:
        root = ElementTree.parse(chart).getroot()
        checks.check(root.tag.endswith("svg") and "prefers-color-scheme" in chart.read_text(encoding="utf-8"),
                     f"{chart.name}: is an image that knows light and dark")


def main():
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("1..0 # SKIP no Chromium to look at the charts with")
        return
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        page = place / "page.html"
        subprocess.run([sys.executable, sys.argv[1], "--html", page, "--svg", place / "charts"], input=json.dumps(sample()),
                       text=True, check=True)
        text = page.read_text(encoding="utf-8")
        checks.check(not re.search(r'(?:src|href)\s*=|url\(|@import', text), "the page needs nothing else")
        page.write_text(text.replace("</body>", f"{LOOK}</body>"), encoding="utf-8")
        for scheme in SCHEMES:
            check_page(checks, browser, page, scheme)
        check_files(checks, place)
    checks.finish()


main()
