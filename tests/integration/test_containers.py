"""The runner docker:IMAGE with an engine that starts the program of a container on this machine: what does not need a container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fake_engine import FakeEngine
from llenergymeasure import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import ExperimentError
from llenergymeasure.launch.open import open_experiment
from llenergymeasure.orchestration.orchestrator import Session
from tiny import TINY
from waiting import until

pytestmark = [pytest.mark.torch, pytest.mark.slow]
pytest.importorskip("torch")

PLAIN = {**TINY, "energy": {"backend": "null"}, "pytorch": {"device": "cpu", "load_format": "dummy"}}
USER = {"containers": {"python": sys.executable}}
FOR_EVER = """
import json, os, sys
from llenergymeasure import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.launch.open import open_experiment
from llenergymeasure.orchestration.orchestrator import Session
session = Session(user_config=UserConfig.model_validate(json.loads(sys.argv[2])))
with open_experiment(ExperimentConfig(**json.loads(sys.argv[1])), session) as experiment:
    while True:
        experiment.measure()
        print("measured", flush=True)
"""


@pytest.fixture
def environ(tmp_path):
    """Variables with which transformers runs in an image, and folders of its own."""
    FakeEngine(tmp_path / "bin")
    return {
        "PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "LLEM_RUNNER_PYTORCH": "docker:llem:test", "HF_HUB_OFFLINE": "1",
    }  # fmt: skip


@pytest.fixture
def engine(tmp_path, environ):
    return FakeEngine(tmp_path / "bin")


def measured(environ, **fields):
    session = Session(environ=environ, user_config=UserConfig.model_validate(USER))
    with open_experiment(ExperimentConfig(**{**PLAIN, **fields}), session) as experiment:
        return experiment.measure()


def test_the_result_names_the_runner_and_the_image(environ, engine):
    seen = measured(environ).environment_snapshot
    assert (seen.runner, seen.image) == ("docker:llem:test", "registry.example.org/llem@sha256:dddd")
    assert len(engine.runs) == 1
    assert not [call for call in engine.calls if call[0] == "rm"]


def test_several_ranks_share_one_container(environ, engine):
    result = measured(environ, n=2, pytorch={**PLAIN["pytorch"], "num_processes": 2})
    assert result.environment_snapshot.image == "registry.example.org/llem@sha256:dddd"
    assert len(engine.runs) == 1


def test_a_finding_in_the_container_ends_the_experiment_with_it(environ, engine):
    with pytest.raises(ExperimentError, match=r"nowhere\.jsonl"):
        measured(environ, dataset="nowhere.jsonl")


def test_when_the_parent_is_killed_the_child_ends_and_its_folder_is_removed(environ, tmp_path):
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", FOR_EVER, json.dumps(PLAIN), json.dumps(USER)],
        env={**os.environ, **environ, "TMPDIR": str(tmp_path / "tmp"), "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "measured\n"
        (beat,) = (tmp_path / "tmp").glob("llem-launch-*/rank-00000.alive")
        child = int(beat.read_text())
        process.kill()
        assert until(lambda: not Path(f"/proc/{child}").exists())
        assert until(lambda: not list((tmp_path / "tmp").glob("llem-launch-*")))
