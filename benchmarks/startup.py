"""How long the small commands take, against the bare interpreter and against llenergymeasure 0.7.0 in its own venv."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import PAIRS, ROOT, Row, alternate, difference_row, ratio_row, run_process

PEER = "llenergymeasure==0.7.0"
PEER_HOME = ROOT / ".cache" / "peer-0.7.0"
DRY_RUN = ["run", "--dry-run", "--model", "builtin/tiny-llama", "-n", "4", "--set", "energy.backend=null"]
PEER_CONFIG = "serving_mode: offline\nengine: transformers\ntask:\n  model: gpt2\n"


def rows() -> Iterator[Row]:
    """Import, then each command against the peer's."""
    yield import_row()
    peer = peer_command()
    if peer is None:
        print(f"{PEER} cannot be installed here: its rows are left out", file=sys.stderr)
        return
    ours = str(Path(sys.executable).with_name("llem"))
    yield command_row("llem --version", [ours, "--version"], [peer, "--version"])
    peer_config = PEER_HOME / "peer.yaml"
    peer_config.write_text(PEER_CONFIG, encoding="utf-8")
    yield command_row("llem run --dry-run", [ours, *DRY_RUN], [peer, "run", "--dry-run", str(peer_config)])


def import_row(pairs: int = 3 * PAIRS) -> Row:
    """Milliseconds that `import llenergymeasure` adds to starting Python."""

    def timed(code: str) -> float:
        return 1000 * run_process([sys.executable, "-c", code]).wall_s

    timed("import llenergymeasure"), timed("pass")
    found = alternate(lambda: timed("import llenergymeasure"), lambda: timed("pass"), pairs)
    return difference_row("import llenergymeasure over the bare interpreter", found, "ms", "<= 30", lambda x: x <= 30)


def command_row(name: str, ours: list[str], theirs: list[str]) -> Row:
    """Wall time of our command over the peer's."""
    run_process(ours), run_process(theirs)
    found = alternate(lambda: run_process(ours).wall_s, lambda: run_process(theirs).wall_s)
    return ratio_row(f"{name} over {PEER}", found, "<= 0.5", lambda x: x <= 0.5)


def peer_command() -> str | None:
    """The peer's `llem` in a venv of its own; None when it cannot be installed."""
    command = PEER_HOME / "bin" / "llem"
    if not command.exists():
        venv.create(PEER_HOME, with_pip=True)
        pip = [str(PEER_HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", PEER, "torch==2.13.0"]
        if subprocess.run(pip, check=False).returncode:
            return None
    return str(command)
