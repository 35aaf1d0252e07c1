"""The site's hooks: which pages are there, and where links lead on the site."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("mkdocs")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "scripts" / "docs_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_and_groups_that_do_not_exist_are_left_out(hooks):
    config = SimpleNamespace(
        nav=[{"Home": "index.md"}, {"Soon": "no-such-page.md"}, {"Empty": [{"Soon": "no-such-page.md"}]}]
    )
    assert hooks.on_config(config).nav == [{"Home": "index.md"}]


def test_decisions_are_listed_as_they_come(hooks):
    (entry,) = hooks.on_config(SimpleNamespace(nav=[{"Decisions": "adr/README.md"}])).nav
    files = [f"adr/{path.name}" for path in sorted((ROOT / "docs" / "adr").glob("0*.md"))]
    assert entry == {"Decisions": ["adr/README.md", *files]}


@pytest.mark.parametrize(
    ("page", "text", "on_site"),
    [
        ("index.md", "[a](quickstart.md)", "[a](quickstart.md)"),
        ("index.md", "[a](../CHANGELOG.md)", "[a](changelog.md)"),
        ("adr/README.md", "[a](../methodology.md#energy)", "[a](../methodology.md#energy)"),
        ("contributing.md", "[a](docs/extending.md)", "[a](extending.md)"),
        ("extending.md", "[a](../examples/own_backend.py)", "[a](examples/own_backend.py.txt)"),
        ("extending.md", "[`x.py`](../src/llenergymeasure/_plugin_api.py)", "`x.py`"),
        ("index.md", "[a](https://example.org/)", "[a](https://example.org/)"),
        ("index.md", "[a](#below)", "[a](#below)"),
    ],
)
def test_a_link_leads_to_the_same_thing_on_the_site(hooks, page, text, on_site):
    place = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    assert hooks.on_page_markdown(text, place, None, None) == on_site
