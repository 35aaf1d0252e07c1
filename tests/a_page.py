"""Reads a page as a browser and a screen reader do: its words, its elements, and whether they nest."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}
LOADING = {"src", "srcset", "action", "data", "poster"}
ACTIVE = {"script", "img", "iframe", "object", "embed", "link", "form", "base", "audio", "video"}
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'& $x$ {{ 7 * 7 }}"


class Page(HTMLParser):
    """The words of a page, its elements and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self._ids: list[str | None] = []
        self._by_id: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
            self._ids.append(dict(attributes).get("id"))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        self._ids.pop()

    def handle_data(self, data):
        if not self._open or self._open[-1] != "style":
            self.words.append(data)
            if self._ids and self._ids[-1] is not None:
                self._by_id[self._ids[-1]] = data

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def count(self, tag: str, kind: str) -> int:
        return sum(name == tag and kind in (values.get("class") or "").split() for name, values in self.elements)

    def values(self, name: str) -> list[str]:
        """The values of an attribute, in the order of the page."""
        return [str(values[name]) for _, values in self.elements if name in values]

    @property
    def figures(self) -> dict[str, tuple[str, str]]:
        """Title and text alternative of each figure, by its name."""
        labels = [str(values["aria-labelledby"]).split() for tag, values in self.elements if tag == "svg"]
        assert all(values.get("role") == "img" for tag, values in self.elements if tag == "svg")
        return {title.removesuffix("-t"): (self._by_id[title], self._by_id[text]) for title, text in labels}


def is_passive(page: Page) -> bool:
    """Whether nothing in the page can run or load anything."""
    tags = {tag for tag, _ in page.elements}
    names = {name for _, attributes in page.elements for name in attributes}
    references = [*page.values("xlink:href"), *page.values("href")]
    styles = page.values("style") + page.values("clip-path")
    return (
        tags.isdisjoint(ACTIVE)
        and names.isdisjoint(LOADING)
        and not any(name.startswith("on") for name in names)
        and not any(":" in reference for reference in references)
        and not any("url(" in style and "url(#" not in style for style in styles)
        and [str(values["content"]) for tag, values in page.elements if values.get("http-equiv")]
        == ["default-src 'none'; style-src 'unsafe-inline'"]
    )
