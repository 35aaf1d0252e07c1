"""Another environment is asked, and every way in which it does not answer is a finding."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from another_environment import EVERYTHING, environment
from llenergymeasure._files import process_is_alive
from llenergymeasure._version import __version__
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.exceptions import PreFlightError
from llenergymeasure.launch.runners.ask import ask, snapshots_elsewhere
from llenergymeasure.launch.runners.python import python_runner
from llenergymeasure.launch.runners.question import Question
from waiting import until

NOTHING_TO_CHECK = Question(user_config=UserConfig())


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    return environment(tmp_path_factory.mktemp("another") / "v")


def runner(python):
    return python_runner(f"python:{python}", str(python))


def test_it_answers_with_what_is_installed_there(python, tmp_path):
    answer = ask(runner(python), NOTHING_TO_CHECK, os.environ)
    assert answer.snapshot.tool_version == __version__
    assert answer.snapshot.packages["pydantic"]
    assert answer.findings == []


def test_no_folder_remains(python, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ask(runner(python), NOTHING_TO_CHECK, os.environ)
    assert list(tmp_path.iterdir()) == []


def test_a_runner_with_findings_is_not_asked(tmp_path):
    with pytest.raises(PreFlightError, match="there is no file"):
        ask(runner(tmp_path / "none"), NOTHING_TO_CHECK, os.environ)


def test_an_end_without_an_answer_is_a_finding_with_the_last_line(tmp_path):
    broken = tmp_path / "broken"
    (broken / "pydantic").mkdir(parents=True)
    (broken / "pydantic" / "__init__.py").write_text("raise ImportError('no pydantic here')")
    python = environment(tmp_path / "v", [broken, *EVERYTHING])
    with pytest.raises(PreFlightError, match="ended without an answer: ImportError: no pydantic here"):
        ask(runner(python), NOTHING_TO_CHECK, os.environ)


def test_only_backends_elsewhere_are_asked_about(python):
    environ = {**os.environ, "LLEM_RUNNER_VLLM": f"python:{python}"}
    found = snapshots_elsewhere(["pytorch", "vllm"], UserConfig(), environ)
    assert list(found) == ["vllm"]
    assert {*BACKENDS["pytorch"].distributions} & {*found["vllm"].packages} <= {*found["vllm"].packages}


OWNER = """
import os, sys
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.launch.runners.ask import ask
from llenergymeasure.launch.runners.python import python_runner
from llenergymeasure.launch.runners.question import Question
ask(python_runner("python", sys.argv[1]), Question(user_config=UserConfig()), os.environ)
"""


def alive(folder):
    return [int(path.read_text() or 0) for path in folder.glob("llem-launch-*/rank-00000.alive")]


def test_when_the_owner_is_killed_the_probe_ends_and_its_folder_is_removed(tmp_path):
    (tmp_path / "slow").mkdir()
    slow = "import platform, time\nplatform.platform = lambda: time.sleep(60)\n"
    (tmp_path / "slow" / "sitecustomize.py").write_text(slow)
    (tmp_path / "tmp").mkdir()
    python = environment(tmp_path / "v", [tmp_path / "slow", *EVERYTHING])
    environ = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(python)], env=environ)
    try:
        assert until(lambda: bool(alive(tmp_path / "tmp")), 120)
        (probe,) = alive(tmp_path / "tmp")
    finally:
        owner.kill()
        owner.wait()
    assert until(lambda: not process_is_alive(probe) and not any((tmp_path / "tmp").iterdir()))
