# SPDX-License-Identifier: MIT
"""Looks at the drawn page in Chromium, in light and in dark: no text leaves its chart, lies upon another or is too pale.

    check_charts.py DRAW
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from look import LOOK, SCHEMES, check_page, find_browser  # noqa: E402
from tap import Checks  # noqa: E402

FIGURES = ["add_ref_release", "add_ref_release_contended", "lease", "lease_nested", "lease_shared_library", "lease_contended",
           "close_leased_elsewhere_ns", "open_close_added", "read_added", "finalize_1m", "pause_1m", "bytes_per_handle",
           "pause_growth", "threads_scaling", "ffi_call_added", "ffi_call_added_contended"]
PEERS = [("liburcu", 0.17, 0.03), ("Rust Arc<OwnedFd>", 1.16, 1.39), ("Concurrency Kit", 1.01, 0.18),
         ("a peer & its \"long\" name", None, 3.06), ("dup and close", 26.6, 11.7), ("something slow", 4321, None)]


def spread(value):
    return {"median": value, "low": value and value * 0.9, "high": value and value * 1.1}


def sample():
    """What the program could print: very small and very large values, some missing."""
    values = dict.fromkeys(FIGURES, 1.0) | {"lease": 0.07, "lease_contended": 0.001, "open_close_added": 250, "read_added": -0.003,
                                            "threads_scaling": None, "ffi_call_added": -0.5}
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


def check_files(checks, place):
    charts = sorted((place / "charts").glob("*.svg"))
    checks.check(len(charts) == 5, "there are five charts", charts)
    for chart in charts:
        root = ElementTree.parse(chart).getroot()
        checks.check(root.tag.endswith("svg") and "prefers-color-scheme" in chart.read_text(encoding="utf-8"),
                     f"{chart.name}: is an image that knows light and dark")


def main():
    browser = find_browser()
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
