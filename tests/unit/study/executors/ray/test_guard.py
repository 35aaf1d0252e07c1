"""The process that ends what is left of a local cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llenergymeasure.study.executors.ray import guard
from waiting import until

USE = "import sys, time; file = open(sys.argv[1], 'w'); print('open', flush=True); time.sleep(600)"


@pytest.fixture
def users(tmp_path):
    """Two processes: one uses a folder, and the other one a folder with a longer name."""
    started = []
    for name in ("cluster", "cluster-of-others"):
        (tmp_path / name).mkdir()
        command = [sys.executable, "-c", USE, str(tmp_path / name / "log")]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "open\n"
    yield started
    for each in started:
        each.kill()
        each.communicate()


def test_what_uses_the_folder_ends_with_the_owner_and_nothing_else(tmp_path, users):
    inside, outside = users
    assert list(guard.users_of(tmp_path / "cluster")) == [inside.pid]
    command = [sys.executable, "-m", guard.__name__, str(tmp_path / "cluster")]
    with (
        (tmp_path / "cluster" / "of_the_owner").open("w"),
        subprocess.Popen(command, stdin=subprocess.PIPE, env=own_path()) as process,
    ):
        assert inside.poll() is None
        process.stdin.close()
        assert process.wait(30) == 0
    assert until(lambda: inside.poll() is not None, 10)
    assert outside.poll() is None
    assert [path.name for path in tmp_path.iterdir()] == ["cluster-of-others"]


def test_a_process_that_closes_files_meanwhile_is_found_by_the_others(tmp_path):
    files = tmp_path / "7" / "fd"
    files.mkdir(parents=True)
    for number in range(20):
        (files / f"{number}").touch()  # no link: it cannot be read, like one that is gone
    (files / "20").symlink_to("/the/cluster/log")
    assert list(guard.users_of(Path("/the/cluster"), tmp_path)) == [7]


def own_path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(guard.__file__).parents[4])}
