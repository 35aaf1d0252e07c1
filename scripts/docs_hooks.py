"""Hooks for MkDocs: they add files of the repository to the site and adjust the navigation and the links.

- A page of the navigation that does not exist is left out, and decisions are listed automatically.
- CHANGELOG.md, CONTRIBUTING.md and examples/README.md become pages; examples are copied.
- A Mermaid diagram becomes the SVG file that scripts/make_diagrams.py made of it: the site needs no JavaScript for it.
- An image with a line of its own becomes a figure with its text as caption; a long table gets a frame that scrolls.
- Links keep working in both places: on the site and in the repository. A link to a file that is not on the site becomes its name.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
FROM_ROOT = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "CITATION.cff": "CITATION.cff.txt",
    "examples/README.md": "examples.md",
}
# The same pattern as BLOCK in make_diagrams.py, which a test checks: MkDocs loads this file alone.
DIAGRAM = re.compile(r"^```mermaid\n%% ([\w-]+): ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"^!\[([^\]]+)\]\(([^)\s]+)\)$", re.MULTILINE)
TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
MOST_ROWS = 24
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out pages that do not exist."""
    config.nav = list(_existing(config.nav or []))
    return config


def _existing(entries: list[Any]) -> Iterator[Any]:
    for entry in entries:
        ((title, target),) = entry.items()
        if isinstance(target, list):
            inner = list(_existing(target))
            if inner:
                yield {title: inner}
        elif target == "adr/README.md":
            yield {
                title: ["adr/README.md", *(f"adr/{path.name}" for path in sorted((ROOT / "docs/adr").glob("0*.md")))]
            }
        elif (ROOT / "docs" / target).is_file() or target in FROM_ROOT.values():
            yield entry


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add files of the repository to the site."""
    for source, target in FROM_ROOT.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    for path in sorted((ROOT / "examples").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md":
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, f"{name}.txt", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages."""
    here = next((source for source, target in FROM_ROOT.items() if target == page.file.src_uri), None)
    place = here or f"docs/{page.file.src_uri}"
    to_assets = posixpath.relpath("docs/assets/diagrams", posixpath.dirname(place) or ".")
    markdown = DIAGRAM.sub(rf"![\2]({to_assets}/\1.svg)", markdown)

    def moved(match: re.Match[str]) -> str:
        label, target, anchor = match.groups()
        named = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        on_site = _on_site(named)
        if on_site is None:
            return label if (ROOT / named).exists() else match.group(0)
        path = posixpath.relpath(on_site, posixpath.dirname(page.file.src_uri) or ".")
        return f"[{label}]({path}{anchor or ''})"

    return IMAGE.sub(_figure, LINK.sub(moved, markdown))


def _figure(image: re.Match[str]) -> str:
    """An image with its text as caption; it opens alone, in full size, when it is clicked."""
    text, path = image.groups()
    return f'<figure markdown="span">\n[![{text}]({path})]({path})\n<figcaption>{text}</figcaption>\n</figure>'


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put each long table into a frame that scrolls, unless the page consists of this table."""
    return html if html.count("<table>") == 1 else TABLE.sub(_framed, html)


def _framed(table: re.Match[str]) -> str:
    rows = table[0].count("<tr>") - 1
    if rows <= MOST_ROWS:
        return table[0]
    return f'<div class="long-table" tabindex="0" role="region" aria-label="Table of {rows} rows">{table[0]}</div>'


def _on_site(named: str) -> str | None:
    """The path of a repository file on the site; None when it is not there."""
    if named in FROM_ROOT:
        return FROM_ROOT[named]
    if named == "README.md":
        return "index.md"
    if named == "examples":
        return FROM_ROOT["examples/README.md"]
    if named.startswith("examples/"):
        return f"{named}.txt" if (ROOT / named).is_file() else None
    return named.removeprefix("docs/") if named.startswith("docs/") else None


def on_post_build(config: MkDocsConfig) -> None:
    """Copy the Markdown tables of kept studies as files."""
    for table in (ROOT / "docs" / "validation").glob("*/tables/*.md"):
        target = Path(config.site_dir, table.relative_to(ROOT / "docs"))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(table, target)
