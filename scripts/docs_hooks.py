"""Hooks for MkDocs: they add files of the repository to the site and adjust the navigation and the links.

- A page of the navigation that does not exist is left out, and decisions are listed automatically.
- CHANGELOG.md and CONTRIBUTING.md become pages; examples are copied.
- Links keep working in both places: on the site and in the repository. A link to a file that is not on the site becomes its name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
FROM_ROOT = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "CITATION.cff": "CITATION.cff.txt"}
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

    def moved(match: re.Match[str]) -> str:
        label, target, anchor = match.groups()
        named = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        on_site = _on_site(named)
        if on_site is None:
            return label if (ROOT / named).exists() else match.group(0)
        path = posixpath.relpath(on_site, posixpath.dirname(page.file.src_uri) or ".")
        return f"[{label}]({path}{anchor or ''})"

    return LINK.sub(moved, markdown)


def _on_site(named: str) -> str | None:
    """The path of a repository file on the site; None when it is not there."""
    if named in FROM_ROOT:
        return FROM_ROOT[named]
    if named == "README.md":
        return "index.md"
    if named.startswith("examples/"):
        return f"{named}.txt"
    return named.removeprefix("docs/") if named.startswith("docs/") else None
