# SPDX-License-Identifier: MIT
"""Looks at the report in Chromium, in light and in dark: all can be read, nothing is on the console, and the pictures show
what happened.

    check_report.py GCSTRESS CHECK_SCENARIOS REPORT
"""
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zlib
from xml.etree import ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from look import LOOK, SCHEMES, check_page, console, find_browser, run  # noqa: E402
from tap import Checks  # noqa: E402

GCSTRESS, SCENARIOS, REPORT = (str(pathlib.Path(name).resolve()) for name in sys.argv[1:4])
os.environ["GCSTRESS_REPORT"] = REPORT
SVG = "{http://www.w3.org/2000/svg}"
MANY = 90


def explored(program, *names):
    """The document, and the page that gcstress had drawn."""
    command = [program, "explore", "--preemptions=1", *names, "--json", "--report", "page.html"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout), pathlib.Path("page.html").read_text(encoding="utf-8")


def drawn(document):
    subprocess.run([sys.executable, REPORT, "--html", "page.html"], input=json.dumps(document), text=True, check=True)
    return pathlib.Path("page.html").read_text(encoding="utf-8")


def of_run():
    """What `gcstress run` could have seen: curves, and a tale that is too long and too wide to be drawn whole."""
    lines = []
    for step in range(MANY):
        who, number = f"thread {step % 7}", 3 + step % 12
        lines += [{"who": who, "told": True, "text": f"opens file {step}, and gets number {number}", "deed": "opens", "number": number, "thing": step},
                  {"who": who, "told": False, "text": "gc.gathering"},
                  {"who": who, "told": True, "text": "says something of its own & at such a length that no line is enough for it"},
                  {"who": who, "told": True, "text": f"closes number {number}", "deed": "closes", "number": number, "thing": step}]
    violation = "a call for file 3 reached file 9, which has number 5 now"
    tale = {"lines": lines, "violation_line": 200, "violator": "thread 4", "violation": violation}
    curve = [{"seconds": second / 2, "live_handles": second % 7 * 100, "collections": second * 1000} for second in range(20)]
    common = {"retells": None, "never": "never", "seconds": 10.0, "rounds": 1234, "level": 4, "curve": curve, "dropped": 10,
              "finalized": 10, "collections": {"small": 18000, "full": 1500, "unmap": 20}}
    results = [common | {"scenario": "long", "approach": "intptr", "found": True, "violation": violation, "tale": tale, "file": None},
               common | {"scenario": "long", "approach": "safehandle", "found": False, "curve": curve[:1]},
               common | {"scenario": "a-name-longer-than-all-the-others-that-anybody-has-had", "approach": None, "found": False, "curve": []}]
    return {"program": "gcstress", "version": "0", "command": "run", "arguments": "gcstress run --level=4", "results": results}


def first_pixel(png):
    """Red, green and blue of the upper left corner, which no filter changes; and how many bytes the pixels have."""
    data, at, pixels = png.read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        pixels += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    pixels = zlib.decompress(pixels)
    return pixels[1:4], len(set(pixels))


def check_screenshot(checks, browser, page, scheme):
    shot = pathlib.Path(f"{scheme}.png")
    run(browser, page, scheme, f"--screenshot={shot.resolve()}")
    if checks.check(shot.exists(), f"{scheme}: a screenshot was taken"):
        corner, values = first_pixel(shot)
        checks.check((max(corner) < 64) == (scheme == "dark") and values > 50, f"{scheme}: and shows the page", (corner, values))


def check_look(checks, browser, name, text, words):
    """words: what a person must find on the page."""
    checks.check(not re.search(r'src\s*=|href\s*=\s*"[^#]|url\(|@import', text), f"{name}: the page needs nothing else")
    page = pathlib.Path("page.html").resolve()
    page.write_text(text.replace("</body>", f"{LOOK}</body>"), encoding="utf-8")
    for scheme in SCHEMES:
        found = check_page(checks, browser, page, scheme, least=30)
        missing = [word for word in words if found is None or word not in found["words"]]
        checks.check(missing == [], f"{name}, {scheme}: it says what happened", missing)


def pictures_of(text):
    """Each picture as a tree; that it is one at all is the parser's to say."""
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def kinds(picture, kind):
    return [part for part in picture.iter() if kind in part.get("class", "").split()]


def check_timeline(checks, picture, result):
    """The picture of a race: who held the number, what it stood for, and the violation in its place."""
    title, about = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    checks.check(result["approach"] in title.text and result["violation"] in about.text, "a timeline has a title and a description")
    words = " ".join(part.text or "" for part in picture.iter(f"{SVG}text"))
    checks.check(all(lane in words for lane in ("thread 0", "number 3", "file 1", "file 2", "free")), "it has its lanes and bars", words)
    held, stale, alarm = (kinds(picture, kind) for kind in ("held", "stale", "alarm"))
    if checks.check(len(held) == len(stale) == len(alarm) == 1, "a number is held, lost, and that is noticed once"):
        tops = [float(part.get("y")) for part in (*held, *stale, *alarm)]
        checks.check(tops == sorted(tops), "in this order", tops)


def check_embedders(checks, text):
    by_title = {picture.find(f"{SVG}title").text: picture for picture in pictures_of(text)}
    free = next(picture for title, picture in by_title.items() if "odd" in title)
    checks.check(len(kinds(free, "dot")) >= 3 and not kinds(free, "held"), "free text is a dot with its words")
    slots = next(picture for title, picture in by_title.items() if "slots" in title)
    words = [part.text for part in slots.iter(f"{SVG}text")]
    checks.check("slot 7" in words and "texture 71" in words and kinds(slots, "stale"), "numbers and things have the embedder's names", words)


def check_table(checks, text):
    table = ElementTree.fromstring(re.search(r'<table class="heat">.*?</table>', text, re.DOTALL)[0])
    scopes = [head.get("scope") for head in table.iter("th")]
    checks.check(table.find("caption") is not None and scopes.count("row") == 2 and scopes.count("col") == 6, "the heat map is a table", scopes)
    links = {link.get("href")[1:] for link in table.iter("a")}
    checks.check(links and all(f'id="{link}"' in text for link in links), "what was found leads to its timeline", links)


def check_console(checks, browser):
    page = pathlib.Path("loud.html").resolve()
    page.write_text("<script>console.error('loud')</script>", encoding="utf-8")
    checks.check(len(console(run(browser, page, "light", "--dump-dom").stderr)) == 1, "an error on the console would be noticed")


def main():
    browser = find_browser()
    if browser is None:
        print("1..0 # SKIP no Chromium to look at the report with")
        return
    checks = Checks()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        document, text = explored(GCSTRESS, "finalizer-race", "recycling")
        found = [result for result in document["results"] if result["found"]]
        check_timeline(checks, pictures_of(text)[0], found[0])
        check_table(checks, text)
        check_look(checks, browser, "a race", text, [found[0]["violation"], found[0]["replay"], "Nothing was found with", "complete to 1 preemption"])
        for scheme in SCHEMES:
            check_screenshot(checks, browser, pathlib.Path("page.html").resolve(), scheme)
        _, text = explored(SCENARIOS)
        check_embedders(checks, text)
        check_look(checks, browser, "an embedder's", text, ["it's # 1 & <odd>", "<bad>", "texture 71 was drawn for texture 70"])
        check_look(checks, browser, "a run", drawn(of_run()), ["Live handles", "1,234 rounds", "earlier steps"])
        check_console(checks, browser)
    checks.finish()


main()
