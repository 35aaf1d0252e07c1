"""Draws the Mermaid diagrams of the pages as SVG files: `python scripts/make_diagrams.py --mermaid mermaid.min.js`.

A page holds a diagram as Mermaid, which the host of the repository draws. The site loads nothing from other servers and has no
library for this, so it shows docs/assets/diagrams/NAME.svg instead. The first line of a diagram is `%% NAME: caption`.

`mermaid.min.js` is dist/mermaid.min.js of the npm package mermaid (`npm pack mermaid`). A Chromium is needed. Every file holds a
hash of its source, so that a test can tell when it is out of date.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
FOLDER = DOCS / "assets" / "diagrams"
BLOCK = re.compile(r"^```mermaid\n%% ([\w-]+): ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONFIG = (
    "{startOnLoad: false, theme: 'neutral', htmlLabels: false, fontFamily: 'sans-serif', deterministicIds: true, "
    "themeVariables: {fontSize: '14px', noteBkgColor: '#f4f4f4', noteTextColor: '#222'}, "
    "flowchart: {htmlLabels: false, useMaxWidth: false, wrappingWidth: 700, nodeSpacing: 24, rankSpacing: 28, padding: 10, "
    "subGraphTitleMargin: {top: 4, bottom: 18}}, sequence: {useMaxWidth: false, mirrorActors: false, width: 180}}"
)
# The diagram is drawn into the page; what Chromium then prints is the page with the SVG in it.
PAGE = """<!DOCTYPE html><meta charset="utf-8"><pre id="source">{source}</pre><div id="out"></div><script src="{library}"></script>
<script>mermaid.initialize({config});
mermaid.render("{name}", document.getElementById("source").textContent).then(
  drawn => {{ document.getElementById("out").innerHTML = drawn.svg; document.title = "drawn"; }});</script>"""
CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--virtual-time-budget=8000",
)


@dataclass(frozen=True)
class Diagram:
    """A diagram of a page."""

    name: str
    caption: str
    source: str

    @property
    def digest(self) -> str:
        """A hash of the source, kept in the file."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]


def diagrams() -> Iterator[Diagram]:
    """All diagrams of the pages."""
    for page in sorted(DOCS.rglob("*.md")):
        yield from (Diagram(*found.groups()) for found in BLOCK.finditer(page.read_text(encoding="utf-8")))


def draw(diagram: Diagram, library: Path, browser: str) -> str:
    """The diagram as an SVG file."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        fields = {"source": escape(diagram.source), "library": library.resolve().as_uri(), "name": diagram.name}
        page.write_text(PAGE.format(config=CONFIG, **fields), encoding="utf-8")
        command = [browser, *CHROMIUM, f"--user-data-dir={folder}/profile", "--dump-dom", page.as_uri()]
        whole = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    drawn = re.search(r'<div id="out">(<svg.*</svg>)</div>', whole, re.DOTALL)
    if drawn is None:
        raise SystemExit(f"{diagram.name}: Mermaid could not draw it")
    text = re.sub(r"<br\s*/?>", "<br/>", drawn[1]).replace("&nbsp;", "&#160;")
    return f"<!-- source {diagram.digest} -->\n{text}\n"


def main() -> None:
    """Draw all diagrams, and delete the files of diagrams that no longer exist."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mermaid", type=Path, required=True)
    parser.add_argument("--browser", default="chromium")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    drawn = {f"{each.name}.svg": draw(each, options.mermaid, options.browser) for each in diagrams()}
    for path in FOLDER.glob("*.svg"):
        if path.name not in drawn:
            path.unlink()
    for name, text in drawn.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
