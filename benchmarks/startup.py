"""The time of short commands, compared with the bare interpreter and with llenergymeasure 0.7.0 in its own venv."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.pairs import PAIRS, Row, alternate, as_users_have_it, difference_row, ratio_row, run_process
from benchmarks.peers import PREDECESSOR, PYTEST_BENCHMARK

DRY_RUN = ["run", "--dry-run", "--model", "builtin/tiny-llama", "-n", "4", "--set", "energy.backend=null"]
PEER_CONFIG = "serving_mode: offline\nengine: transformers\ntask:\n  model: gpt2\n"


def rows() -> Iterator[Row]:
    """The import, then each command compared with 0.7.0, then the time that the plugin adds to pytest."""
    yield import_row()
    yield from peer_rows()
    yield from plugin_rows()


def peer_rows() -> Iterator[Row]:
    """Our short commands over those of 0.7.0."""
    peer = PREDECESSOR.installed()
    if peer is None:
        return
    ours, theirs = str(Path(sys.executable).with_name("llem")), str(peer / "llem")
    # The targets are those of the release's requirements, which say: targets that are met are raised.
    yield command_row("llem --version", [ours, "--version"], [theirs, "--version"], 0.25)
    peer_config = PREDECESSOR.home / "peer.yaml"
    peer_config.write_text(PEER_CONFIG, encoding="utf-8")
    yield command_row("llem run --dry-run", [ours, *DRY_RUN], [theirs, "run", "--dry-run", str(peer_config)], 0.35)


def plugin_rows() -> Iterator[Row]:
    """CPU milliseconds that an installed plugin adds to collecting and running one plain test."""
    ours = ("pytest_llem.plugin", "llem")
    yield plugin_row("the pytest plugin", Path(sys.executable), *ours, "<= 5", lambda x: x <= 5)
    peer = PYTEST_BENCHMARK.installed()
    if peer is not None:
        theirs = ("pytest_benchmark.plugin", "benchmark")
        yield plugin_row(PYTEST_BENCHMARK.name, peer / "python", *theirs, "peer", lambda _: True)


def import_row(pairs: int = 3 * PAIRS) -> Row:
    """Milliseconds that `import llenergymeasure` adds to starting Python."""

    def timed(code: str) -> float:
        return 1000 * run_process([sys.executable, "-c", code]).wall_s

    timed("import llenergymeasure"), timed("pass")
    found = alternate(lambda: timed("import llenergymeasure"), lambda: timed("pass"), pairs)
    return difference_row("import llenergymeasure over the bare interpreter", found, "ms", "<= 30", lambda x: x <= 30)


def plugin_row(name: str, python: Path, module: str, plugin: str, target: str, kept: Callable[[float], bool]) -> Row:
    """The results of `plugin_start.py` in five processes, eight pairs each."""
    script = str(Path(__file__).with_name("plugin_start.py"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_one.py").write_text("def test_one(): pass\n", encoding="utf-8")
        command = [str(python), script, module, plugin, "8"]
        said = [subprocess.check_output(command, cwd=folder, env=as_users_have_it(os.environ)) for _ in range(6)]
    # The first process compiles the modules for the others.
    times = [float(one) for text in said[1:] for one in text.split()]
    found = list(zip(times[::2], times[1::2]))
    return difference_row(f"{name} over pytest without it (CPU)", found, "ms", target, kept)


def command_row(name: str, ours: list[str], theirs: list[str], most: float) -> Row:
    """Wall time of our command over that of 0.7.0."""
    run_process(ours), run_process(theirs)
    found = alternate(lambda: run_process(ours).wall_s, lambda: run_process(theirs).wall_s)
    return ratio_row(f"{name} over {PREDECESSOR.name}", found, f"<= {most}", lambda x: x <= most)
