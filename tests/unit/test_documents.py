"""The documents agree with the code: errors, checks, warnings, folders, contracts. The checker of the site finds broken pages."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.domain.warnings import CODES
from llenergymeasure.exceptions import LLEMError
from llenergymeasure.orchestration.preflight import CHECKS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "llenergymeasure"
TROUBLES = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_a_source_distribution_has_whatever_the_readme_links_to():
    listed = re.search(r"sdist\]\ninclude = \[(.*)\]", PYPROJECT)
    assert listed is not None
    links = re.findall(r"\]\(([\w./-]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {f'"/{link.split("/")[0]}"' for link in links} <= set(listed[1].split(", "))


README = (ROOT / "README.md").read_text(encoding="utf-8")
# It exists for a later release, which measures this backend.
EXTRAS_OF_LATER = {"tensorrt"}


def test_the_readme_lists_the_extras_that_this_release_uses():
    section = re.search(r"^\[project.optional-dependencies\]\n(.*?)^\[", PYPROJECT, re.MULTILINE | re.DOTALL)
    assert section is not None
    extras = set(re.findall(r"^(\w+) = \[", section[1], re.MULTILINE)) - EXTRAS_OF_LATER
    table = README.partition("| extra | adds |\n")[2].partition("\n\n")[0]
    assert {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])} == extras


def test_the_readme_and_the_quick_start_install_in_the_same_way():
    tables = [
        re.search(r"^\| \| pip \| uv \|\n(?:\|.*\n)+", text, re.MULTILINE)
        for text in (README, (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8"))
    ]
    assert None not in tables
    assert tables[0][0] == tables[1][0]


@pytest.mark.parametrize("sample", re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
def test_a_configuration_of_the_readme_is_valid(sample, tmp_path):
    (tmp_path / "file.yaml").write_text(sample, encoding="utf-8")
    assert load_study_config(tmp_path / "file.yaml").experiments


SERVERS = (ROOT / "docs" / "servers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("sample", re.findall(r"```yaml\n(.*?)```", SERVERS, re.DOTALL))
def test_a_configuration_or_recipe_for_a_server_is_valid(sample, tmp_path):
    begin = "" if sample.startswith("#") else "model: Qwen/Qwen2.5-0.5B-Instruct\nbackend: server\n"
    (tmp_path / "file.yaml").write_text(begin + sample, encoding="utf-8")
    for config in load_study_config(tmp_path / "file.yaml").experiments:
        assert config.backend == "server"


def test_the_figure_of_the_readme_is_that_of_the_kept_study():
    pictures = script("make_pictures")
    assert pictures.figure() == pictures.FIGURE.read_text(encoding="utf-8"), "run scripts/make_pictures.py"
    assert pictures.SCREENSHOT.stat().st_size < 200_000


@pytest.mark.parametrize("peer", ["Zeus", "CodeCarbon", "pytest-benchmark"])
def test_the_comparison_names_the_versions_that_were_tried(peer):
    page = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    pinned = re.search(rf"^{peer.lower()}==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None
    assert set(re.findall(rf"{peer}(?:\]\([^)]*\))? (\d[\d.]*\d)", page)) == {pinned[1]}


# It quotes messages, which are for machines where the package is installed already; so does one sentence of the quick start.
QUOTES = {"troubleshooting.md", "quickstart.md"}


def test_no_page_installs_from_an_index_that_has_another_release():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(path for path in (ROOT / "examples").rglob("*.*"))]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages if page.is_file() and page.suffix != ".pyc"}
    wrong = [
        name for name, text in texts.items() if re.search(r'pip install .{0,2}llenergymeasure\[[\w,]+\]\\?"', text)
    ]
    assert set(wrong) <= QUOTES


# Their publishers ask for an agreement before the download: a first try would end with an error.
GATED = re.compile(r"\b(meta-llama|google/gemma|mistralai)\b", re.IGNORECASE)


def test_no_page_or_example_uses_a_model_that_needs_an_agreement():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.*ml")]
    assert [page.name for page in pages if GATED.search(page.read_text(encoding="utf-8"))] == []


def errors(base: type[LLEMError] = LLEMError) -> Iterator[str]:
    yield base.__name__
    for kind in base.__subclasses__():
        if kind.__module__.startswith("llenergymeasure"):
            yield from errors(kind)


def rows(section: str) -> dict[str, tuple[str, ...]]:
    """The other cells of each row in the tables of a section of the page, by every name in its first cell."""
    part = re.split(r"^## ", TROUBLES.partition(f"\n## {section}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    cells = [
        tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in part.splitlines() if line[:1] == "|"
    ]
    return {name: row[1:] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def text_below(heading: str) -> str:
    """The text between a heading of the page and the next one."""
    return re.split(r"^#", TROUBLES.partition(f"\n### {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0].strip()


# They open a section of their own, with many messages or checks.
WITH_A_SECTION = {"ConfigError", "PreFlightError"}


@pytest.mark.parametrize("name", sorted(set(errors())))
def test_every_error_has_its_cause_and_fix(name):
    if name in WITH_A_SECTION:
        assert re.search(rf"^## .+\n\n`{name}`[ ,].{{40,}}", TROUBLES, re.MULTILINE)
        return
    message, cause_and_fix = rows("A run failed")[name]
    assert message
    assert len(cause_and_fix) > 15


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_before_the_run_has_its_part(check):
    assert len(text_below(check.__name__.strip("_"))) > 40


@pytest.mark.parametrize("code", CODES)
def test_every_warning_has_its_reason_and_fix(code):
    reason, fix = rows("Warnings")[code]
    assert len(reason) > 10
    assert len(fix) > 5


def test_every_warning_of_the_page_can_be_given():
    assert set(rows("Warnings")) == set(CODES)


# Quoted on the page, but no messages: commands, and settings with their values.
NO_MESSAGE = re.compile(r"(llem|pip|hf|ulimit|sudo|--\w+) |[\w.]+: ")


def quoted() -> Iterator[str]:
    """The messages that the page quotes: text in backticks with a space."""
    outside_blocks = re.sub(r"^```.*?^```", "", TROUBLES, flags=re.MULTILINE | re.DOTALL)
    for text in re.findall(r"`([^`]+)`", outside_blocks):
        if " " in text and not NO_MESSAGE.match(text):
            yield " ".join(text.split())


def texts_of_the_code() -> str:
    """Every text in the code, on lines of their own; values in an f-string are left out."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES.rglob("*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join(node.value for node in nodes if isinstance(node.value, str))


def test_every_message_that_the_page_quotes_is_in_the_code():
    texts = texts_of_the_code()
    messages = list(quoted())
    assert len(messages) > 60
    parts = {part.strip(" '") for message in messages for part in re.split(r"\.\.\.|'|\bN\b|[;:]", message)}
    assert [part for part in sorted(parts) if " " in part and part not in texts] == []


def test_a_name_in_passing_is_no_row():
    assert "energy_adjusted_j" not in rows("Warnings")
    assert text_below("no such check") == ""


def test_every_package_and_contract_is_on_the_architecture_page():
    packages = {path.stem for path in SOURCES.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    for package in packages - {"__init__", "__main__"}:
        assert f"`{package}`" in ARCHITECTURE, package
    for contract in re.findall(r'^id = "([\w-]+)"', PYPROJECT, re.MULTILINE):
        assert f"`{contract}`" in ARCHITECTURE, contract


@pytest.mark.parametrize("package", ["llenergymeasure", "pytest_llem"])
def test_the_tree_shows_every_folder(package):
    root = ROOT / "src" / package
    folders = {path.parent.relative_to(root).as_posix() for path in root.rglob("__init__.py")} - {"."}
    assert folders == set(folders_in_the_tree(package))


def folders_in_the_tree(package: str) -> Iterator[str]:
    """The folders below a package in the tree of the page, by their indentation."""
    tree = ARCHITECTURE.split("## The folders")[1].split("```")[1]
    above: list[str] = []
    for line in tree.splitlines():
        if found := re.match(r"( *)(\w+)/", line):
            depth = len(found[1]) // 2
            above[depth:] = [found[2]]
            if depth and above[0] == package:
                yield "/".join(above[1:])


def test_every_module_that_the_pictures_name_exists():
    pictures = "\n".join(re.findall(r"^```mermaid\n(.*?)^```", ARCHITECTURE, re.MULTILINE | re.DOTALL))
    packages = "cli|study|orchestration|core|results|domain|config|state|launch"
    named = set(re.findall(rf"\b((?:{packages})(?:\.\w+)+)", pictures)) - {"study.json"}
    assert len(named) > 15
    for name in named:
        path = SOURCES.joinpath(*name.split("."))
        parent = path.parent.with_suffix(".py")
        known = path.with_suffix(".py").is_file() or path.is_dir()
        assert known or f"def {path.name}(" in parent.read_text(encoding="utf-8"), name


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for their module
    spec.loader.exec_module(module)
    return module


def test_every_diagram_has_been_drawn_since_its_last_change():
    made = script("make_diagrams")
    drawn = {path.name: path.read_text(encoding="utf-8") for path in made.FOLDER.glob("*.svg")}
    diagrams = list(made.diagrams())
    assert len(diagrams) >= 4
    assert set(drawn) == {f"{diagram.name}.svg" for diagram in diagrams}
    for diagram in diagrams:
        assert diagram.digest in drawn[f"{diagram.name}.svg"], f"{diagram.name}: run scripts/make_diagrams.py"


def test_no_page_has_a_diagram_that_the_script_does_not_see():
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    assert sum(page.count("\n```mermaid") for page in pages) == len(list(script("make_diagrams").diagrams()))


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    return script("check_site")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('<a href="other.html#there">x</a>', None),
        ('<a href="https://example.org/">x</a>', None),
        ('<a href="gone.html">x</a>', "gone.html does not exist"),
        ('<a href="other.html#gone">x</a>', "has no such anchor"),
        ('<script src="https://cdn.example.org/x.js"></script>', "loads https://cdn.example.org/x.js"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "loads //fonts.example.org/x.css"),
        ('<img src="gone.png">', "gone.png does not exist"),
    ],
)
def test_the_site_checker_finds_broken_pages(tmp_path, checker, body, complaint):
    (tmp_path / "other.html").write_text('<h2 id="there">There</h2>', encoding="utf-8")
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    found = list(checker.problems(tmp_path))
    assert len(found) == (complaint is not None)
    assert complaint is None or complaint in found[0]


def test_an_empty_site_is_a_problem(tmp_path, checker):
    assert list(checker.problems(tmp_path)) == [f"{tmp_path} has no page"]


@pytest.mark.parametrize(("files", "problems"), [(["json"], 1), (["json", "js"], 0)])
def test_a_search_that_needs_a_server_is_a_problem(tmp_path, checker, files, problems):
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    (tmp_path / "search").mkdir()
    for suffix in files:
        (tmp_path / "search" / f"search_index.{suffix}").write_text("{}", encoding="utf-8")
    assert len(list(checker.problems(tmp_path))) == problems
