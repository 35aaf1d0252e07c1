"""Checks a built site without a network: `python scripts/check_site.py site`.

Every link and anchor must exist, no page may load anything from another server, and the search may not need one. Otherwise it
prints a list, with exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("link", "href"), ("source", "src"), ("video", "src")}
# A canonical address is only a name; it is not loaded.
NAMES_ONLY = {"canonical", "prev", "next"}


class Links(HTMLParser):
    """Links, loads and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.anchors.update(value for name in ("id", "name") if (value := values.get(name)))
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        for name in ("src", "href"):
            if (tag, name) in LOADS and values.get(name) and values.get("rel") not in NAMES_ONLY:
                self.loads.append(values[name] or "")


def problems(site: Path) -> Iterator[str]:
    """All problems, page by page."""
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site} has no page"
    index = site / "search" / "search_index.json"
    if index.is_file() and not index.with_suffix(".js").is_file():
        yield "the search needs a server: search/search_index.js is missing"
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (
            f"{name} loads {load}"
            for load in page.loads
            if urlsplit(load).scheme in ("http", "https") or load.startswith("//")
        )
        if name.name != "404.html":  # its links are absolute
            yield from (f"{name}: {why}" for link in page.links + page.loads if (why := _broken(link, path, pages)))


def _broken(link: str, path: Path, pages: dict[Path, Links]) -> str | None:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or link.startswith("//"):
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return f"{link} does not exist"
    anchor = unquote(parts.fragment)
    if anchor and anchor != "__top" and target in pages and anchor not in pages[target].anchors:
        return f"{link} has no such anchor"
    return None


def main(site: Path) -> int:
    """Print all problems; the exit code is 1 when there are some."""
    found = list(problems(site.resolve()))
    print("\n".join(found) or f"{site}: every link exists and nothing is loaded from other servers")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "site")))
