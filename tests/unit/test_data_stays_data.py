"""No code takes a sentence of our own apart: what it decides by is data.

A text cannot be followed from where it is made to where it is read, so calls are looked for that could do it: those with
a separator that sentences have, and comparisons with words. The formats of others that are parsed are listed with a reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from llenergymeasure.domain.warnings import CODES

ROOT = Path(__file__).parents[2] / "src"
TAKES_APART = {"split", "rsplit", "partition", "rpartition"}
LOOKS_AT = {"startswith", "endswith", "removeprefix", "removesuffix", "find", "index"}
REGULAR = {"compile", "match", "search", "fullmatch", "findall", "finditer", "split", "sub"}
# Between code and sentence, problem and fix, parts of a list, sentences, lines.
SEPARATORS = (":", ": ", ";", "; ", ", ", ". ", " (", "\n")

_SAID_BY_CODECARBON = "what CodeCarbon logs"
FORMATS_OF_OTHERS = {
    ("llenergymeasure/config/messages/text.py", ", "): "pydantic's list of the values of a Literal",
    ("llenergymeasure/config/runners.py", ":"): "what a user wrote: docker:IMAGE",
    ("llenergymeasure/study/executors/ray/door.py", ":"): "Ray's error of several lines",
    ("llenergymeasure/core/backends/server/client/http.py", ";"): "the header Content-Type of HTTP",
    ("llenergymeasure/core/backends/registry.py", ":"): "the registry's module:attribute, as entry points have it",
    ("llenergymeasure/domain/files/report_formats.py", ":"): "the registry's module:attribute, as entry points have it",
    ("llenergymeasure/core/backends/pytorch/process_group.py", "\n"): "torch's error of many lines",
    (
        "llenergymeasure/core/backends/pytorch/faults.py",
        "can't allocate memory",
    ): "torch's error of a CPU without memory",
    ("llenergymeasure/core/backends/pytorch/memory.py", "VmHWM:"): "/proc/self/status",
    (
        "llenergymeasure/core/backends/vllm/processes/several.py",
        r"\b(\w*(?:Error|Exception)): (.+)",
    ): "tracebacks in the log of the processes of vLLM",
    (
        "llenergymeasure/core/backends/vllm/processes/several.py",
        "initialization failed|See root cause|EngineDeadError|WorkerProc|RuntimeError: cancelled",
    ): "as above",
    ("llenergymeasure/core/collect/host.py", "\n"): "/proc/stat",
    ("llenergymeasure/core/energy/codecarbon/meter.py", "Multiple instances of codecarbon"): _SAID_BY_CODECARBON,
    ("llenergymeasure/core/energy/codecarbon/meter.py", "You have "): _SAID_BY_CODECARBON,
    ("llenergymeasure/core/energy/codecarbon/meter.py", "graceful shutdown"): _SAID_BY_CODECARBON,
    ("llenergymeasure/core/energy/codecarbon/reading.py", "Failed to retrieve power usage"): _SAID_BY_CODECARBON,
    ("llenergymeasure/core/energy/codecarbon/reading.py", "Unable to read RAPL value"): _SAID_BY_CODECARBON,
    ("llenergymeasure/results/ranks/files.py", "\n"): "pydantic's error of many lines, and bytes of a file",
    ("llenergymeasure/core/machine/last_lines.py", "Fatal Python error"): "what Python writes when it crashes",
    (
        "llenergymeasure/core/machine/last_lines.py",
        r"(?:^|[\])] )[\w.]*(?:Error|Exception): \S",
    ): "the last line of Python's traceback",
    ("llenergymeasure/core/backends/server/processes/listening.py", ":"): "/proc/net/tcp",
    ("llenergymeasure/study/executors/slurm/executor.py", ";"): "what sbatch --parsable prints: 71;cluster",
    ("pytest_llem/limits.py", ":"): "what a user wrote: METRIC:LIMIT",
    ("pytest_llem/settings.py", "replay:"): "what a user wrote: --llem-energy=replay:FILE",
}


# To go: whether a rank failed by itself is read from the text in its file.
NOT_YET = {("llenergymeasure/launch/ranks/rank.py", "another process")}

Constants = dict[str, tuple[str, ...]]


def constants_of(tree: ast.Module) -> Constants:
    """Texts, and tuples of texts, that have a name in the module."""
    return {
        target.id: texts_of(node.value, {})
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def texts_of(node: ast.AST, known: Constants) -> tuple[str, ...]:
    """The texts that an expression stands for, as far as that can be seen."""
    if isinstance(node, ast.Constant):
        return (node.value,) if isinstance(node.value, str) else ()
    if isinstance(node, ast.Tuple):
        return tuple(text for each in node.elts for text in texts_of(each, known))
    return known.get(node.id, ()) if isinstance(node, ast.Name) else ()


def is_words(text: str) -> bool:
    """Whether it could stand in a sentence: two words, or a word with a colon."""
    parts = text.strip("^$ ").rstrip(":").split()
    return len(parts) > 1 or (text.rstrip().endswith(":") and text.strip(": ").replace("_", "").isalpha())


def findings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each call or comparison that could take a sentence apart."""
    known = constants_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            for text in texts_of(node.args[0], known):
                if is_suspicious(node.func, text):
                    yield node.lineno, text
        elif isinstance(node, ast.Compare) and any(isinstance(each, (ast.In, ast.NotIn)) for each in node.ops):
            for text in texts_of(node.left, known):
                if is_words(text):
                    yield node.lineno, text


def is_suspicious(called: ast.Attribute, text: str) -> bool:
    if isinstance(called.value, ast.Name) and called.value.id == "re":
        return called.attr in REGULAR and (": " in text or "; " in text)
    if called.attr in TAKES_APART:
        return text in SEPARATORS
    return called.attr in LOOKS_AT and (text in SEPARATORS or text in CODES or is_words(text))


def found() -> dict[tuple[str, str], list[int]]:
    places: dict[tuple[str, str], list[int]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for line, text in findings(ast.parse(path.read_text(encoding="utf-8"))):
            places.setdefault((path.relative_to(ROOT).as_posix(), text), []).append(line)
    return places


def test_no_sentence_of_our_own_is_parsed():
    allowed = {*FORMATS_OF_OTHERS, *NOT_YET}
    assert {place: lines for place, lines in found().items() if place not in allowed} == {}


def test_every_reason_is_still_needed():
    assert set(FORMATS_OF_OTHERS) - set(found()) == set()


@pytest.mark.parametrize(
    "code",
    [
        'warning.partition(": ")',
        'str(error).split("; ")[0]',
        'rule.split(":")[0]',
        'warning.startswith("energy_unavailable:")',
        '"methods differ" in refused',
        'reason.startswith("another process")',
        'GONE = "another process"\nreason.startswith(GONE)',
        'warning.startswith("energy_unavailable")',
        'message.removeprefix("Value error, ")',
        're.compile(r"Effective default: (?P<what>.+)")',
    ],
)
def test_code_that_parses_sentences_would_be_found(code):
    assert list(findings(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        'name.split(".")',
        'path.rpartition("/")',
        'device.startswith("cuda")',
        '"estimated" in methods',
        're.compile(r"[^a-z]+")',
        'names.index("nvml")',
    ],
)
def test_names_and_paths_may_be_parsed(code):
    assert list(findings(ast.parse(code))) == []
