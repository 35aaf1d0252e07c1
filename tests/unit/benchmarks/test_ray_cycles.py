"""The benchmark of Ray needs its environment, and judges what was measured there."""

from __future__ import annotations

import json
import sys

from benchmarks.pairs import Line
from benchmarks.ray_cycles import rows


def environment(folder, cycles):
    """A `python` that prints what the module would have measured."""
    python = folder / "python"
    found = json.dumps({"cycles": cycles, "version": "2.60.0"})
    python.write_text(f"#!{sys.executable}\nprint('a line of Ray')\nprint({found!r})\n")
    python.chmod(0o755)
    return python


def test_without_its_environment_the_row_says_what_to_do(tmp_path):
    assert list(rows(tmp_path / "python")) == [Line("ray_cycles: not run: make ray first")]


def test_a_cycle_may_take_two_seconds_more_than_a_bare_actor(tmp_path):
    row, version = rows(environment(tmp_path, [(3.0, 2.0), (3.5, 2.0), (4.2, 2.0)]))
    assert (row.value, row.low, row.high, row.kept) == (1.5, 1.0, 2.2, True)
    assert version.text == "in .venv-ray: ray 2.60.0"
    assert not next(rows(environment(tmp_path, [(4.5, 2.0)]))).kept
