"""An experiment in a container: its result names the image, and its paths mean the same as here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from llenergymeasure.models.builtin import BUILTIN_MODELS

pytestmark = [pytest.mark.torch, pytest.mark.slow]
RUN = [
    "-m", "llenergymeasure", "run", "-n", "2", "--set", "max_output_tokens=4", "--set", "max_input_tokens=16", "--set",
    "pytorch.device=cpu", "--set", "pytorch.load_format=dummy", "--set", "energy.backend=null", "--set", "baseline.enabled=false",
    "--set", "warmup.enabled=false",
]  # fmt: skip


def llem(place, environ, *arguments):
    return subprocess.run(
        [sys.executable, *RUN, *arguments],
        cwd=place,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def work(tmp_path):
    """A working directory with prompts, and a model beside it."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work/prompts.jsonl").write_text('{"prompt": "one"}\n{"prompt": "two"}\n')
    shutil.copytree(BUILTIN_MODELS["builtin/tiny-llama"], tmp_path / "models/small")
    return tmp_path / "work"


def test_it_is_measured_in_the_image_and_nothing_of_it_remains(user, podman, image, work):
    environ = user({"pytorch": "docker:localhost/llem:pytorch"})
    done = llem(work, environ, "--model", "../models/small", "--dataset", "./prompts.jsonl")
    assert done.returncode == 0, done.stderr
    (saved,) = (work / "results").glob("*/result.json")
    result = json.loads(saved.read_text())
    seen = result["environment_snapshot"]
    assert (seen["container"], seen["runner"]) == ("podman", "docker:localhost/llem:pytorch")
    assert image in seen["image"]
    assert (result["output_tokens"], result["config"]["model"]) == (8, "../models/small")
    assert podman.containers() == []
    assert list((work.parent / "tmp").glob("llem-*")) == []


@pytest.mark.parametrize(
    ("runner", "settings", "words"),
    [
        (
            "docker:localhost/llem:none",
            {},
            ["podman has no image localhost/llem:none", "podman pull localhost/llem:none"],
        ),
        (
            "docker:localhost/llem:pytorch",
            {"python": "/opt/none"},
            ["no program to run Python", "set containers.python"],
        ),
        (
            "docker:localhost/llem:pytorch",
            {"arguments": ["--no-such"]},
            ["could not start a container", "containers.arguments"],
        ),
    ],
)
def test_what_prevents_it_is_found_before_the_run(user, image, work, runner, settings, words):
    environ = user({"pytorch": runner})
    place = work.parent / "settings/llenergymeasure/config.yaml"
    content = json.loads(place.read_text())
    content["containers"].update(settings)
    place.write_text(json.dumps(content))
    done = llem(work, environ, "--model", "builtin/tiny-llama")
    assert done.returncode == 1
    for each in words:
        assert each in done.stderr
    assert not (work / "results").exists()
