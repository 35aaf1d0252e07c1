"""The program that asks a node for its versions."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

from llenergymeasure import __version__
from llenergymeasure.study.executors.ray import question


def asked(mark: Path, **environ: str):
    text = Path(question.__file__).read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *environ.pop("options", "").split(), "-c", text, str(mark)],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(Path(question.__file__).parents[4]), **environ},
    )  # fmt: skip
    return json.loads(done.stdout)


def test_a_node_reports_its_versions_and_the_content_of_the_file(tmp_path):
    (tmp_path / "mark").write_text("abc")
    found = asked(tmp_path / "mark")
    assert (found["versions"]["python"], found["versions"]["llenergymeasure"]) == (
        platform.python_version(),
        __version__,
    )
    assert found["seen"] == "abc"


def test_what_a_node_lacks_is_none(tmp_path):
    found = asked(tmp_path / "missing", options="-S -E")
    assert found["versions"] == {"python": platform.python_version(), "ray": None, "llenergymeasure": None}
    assert found["seen"] is None
