"""The site's hooks: which pages are there, and where links lead on the site."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("mkdocs")

ROOT = Path(__file__).resolve().parents[2]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for their module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hooks():
    return script("docs_hooks")


def test_the_site_replaces_the_diagrams_that_are_drawn(hooks):
    assert hooks.DIAGRAM == script("make_diagrams").BLOCK


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
        ("index.md", "[a](../examples/README.md)", "[a](examples.md)"),
        ("examples.md", "[a](quickstart.yaml)", "[a](examples/quickstart.yaml.txt)"),
        ("examples.md", "[a](../docs/studies.md)", "[a](studies.md)"),
        ("examples.md", "[a](suite)", "a"),
        ("index.md", "[a](https://example.org/)", "[a](https://example.org/)"),
        ("index.md", "[a](#below)", "[a](#below)"),
    ],
)
def test_a_link_leads_to_the_same_thing_on_the_site(hooks, page, text, on_site):
    place = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    assert hooks.on_page_markdown(text, place, None, None) == on_site


def page(name):
    return SimpleNamespace(file=SimpleNamespace(src_uri=name))


def test_an_image_with_a_line_of_its_own_gets_a_caption(hooks):
    shown = hooks.on_page_markdown("text ![small](a.png)\n\n![What it shows](a.png)\n", page("index.md"), None, None)
    assert shown.count("<figcaption>") == 1
    assert "<figcaption>What it shows</figcaption>" in shown


def test_a_diagram_becomes_the_file_that_was_drawn(hooks):
    text = "```mermaid\n%% run-path: The path of a run\nflowchart TD\n  a --> b\n```\n"
    shown = hooks.on_page_markdown(text, page("adr/0001-a.md"), None, None)
    assert "(../assets/diagrams/run-path.svg)" in shown
    assert "<figcaption>The path of a run</figcaption>" in shown
    assert "flowchart" not in shown


def table(rows):
    return f"<table>{'<tr><td>x</td></tr>' * (rows + 1)}</table>"


@pytest.mark.parametrize(
    ("html", "frames"),
    [(table(25) + table(2), 1), (table(24) + table(2), 0), (table(60), 0), (table(30) + table(40), 2)],
)
def test_a_long_table_among_others_scrolls_in_a_frame(hooks, html, frames):
    assert hooks.on_page_content(html, None, None, None).count('class="long-table"') == frames
