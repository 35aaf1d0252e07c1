"""Makes the pictures of README.md from the kept study: `python scripts/make_pictures.py [--browser chromium]`.

- docs/assets/smollm2-spans.svg: the first figure of its report, on white, because a README may be shown on a dark page.
- docs/assets/smollm2-report.png: the top of the report itself, as Chromium shows it.

`--figure-only` needs no browser; a test compares this file with the study.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
STUDY = DOCS / "validation" / "smollm2-cpu"
FIGURE = DOCS / "assets" / "smollm2-spans.svg"
SCREENSHOT = DOCS / "assets" / "smollm2-report.png"
CHROMIUM = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
SIZE = "1000,860"


def on_white(svg: str) -> str:
    """The figure with a white background and a margin."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert size is not None
    width, height, margin = float(size[1]), float(size[2]), 8
    box = f"{-margin} {-margin} {width + 2 * margin:g} {height + 2 * margin:g}"
    head = re.sub(r'width="[^"]*" height="[^"]*" viewBox="[^"]*"', f'viewBox="{box}"', svg, count=1)
    background = f'<rect x="{-margin}" y="{-margin}" width="100%" height="100%" fill="#fff"/>'
    return re.sub(r"(<svg[^>]*>)", rf"\1\n {background}", head, count=1)


def figure() -> str:
    """The figure of the README."""
    return on_white((STUDY / "figures" / "spans.svg").read_text(encoding="utf-8"))


def screenshot(browser: str) -> None:
    """A picture of the top of the report."""
    with tempfile.TemporaryDirectory() as profile:
        options = [*CHROMIUM, f"--user-data-dir={profile}", f"--window-size={SIZE}", f"--screenshot={SCREENSHOT}"]
        page = (STUDY / "report.html").as_uri()
        subprocess.run([browser, *options, page], check=True, timeout=120, capture_output=True)


def main() -> None:
    """Write both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure-only", action="store_true")
    parser.add_argument("--browser", default="chromium")
    options = parser.parse_args()
    FIGURE.write_text(figure(), encoding="utf-8")
    if not options.figure_only:
        screenshot(options.browser)


if __name__ == "__main__":
    main()
