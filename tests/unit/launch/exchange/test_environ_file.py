"""Variables for a child in a container are passed in a file that only its owner can read, and that the child removes."""

from __future__ import annotations

import stat

import pytest

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.launch.exchange.environ_file import environ_file, leave_environ, passed_variables, take_environ

TOKEN = "hf_AbCdEfGhIjKlMnOp0123"


def test_the_file_can_be_read_by_its_owner_only(tmp_path):
    leave_environ(tmp_path, {"HF_TOKEN": TOKEN})
    assert stat.S_IMODE(environ_file(tmp_path, 0).stat().st_mode) == 0o600


def test_the_child_has_the_variables_and_the_file_is_gone(tmp_path):
    leave_environ(tmp_path, {"HF_TOKEN": TOKEN})
    assert take_environ(tmp_path) == {"HF_TOKEN": TOKEN}
    assert list(tmp_path.iterdir()) == []
    assert take_environ(tmp_path) == {}


def test_each_rank_has_a_file_of_its_own(tmp_path):
    leave_environ(tmp_path, {"OMP_NUM_THREADS": "2"}, count=2)
    assert take_environ(tmp_path, 1) == {"OMP_NUM_THREADS": "2"}
    assert take_environ(tmp_path, 0) == {"OMP_NUM_THREADS": "2"}


def test_a_file_of_an_earlier_program_is_replaced(tmp_path):
    leave_environ(tmp_path, {"HF_TOKEN": "old"})
    leave_environ(tmp_path, {"HF_TOKEN": TOKEN})
    assert take_environ(tmp_path) == {"HF_TOKEN": TOKEN}


def test_a_damaged_file_is_removed_and_gives_nothing(tmp_path):
    environ_file(tmp_path, 0).write_text("[1, 2")
    assert take_environ(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        leave_environ(tmp_path / "nowhere", {})


def test_settings_of_libraries_tokens_and_proxies_are_passed():
    environ = {
        "HF_TOKEN": TOKEN,
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "https_proxy": "http://me:secret@proxy",
    }
    assert passed_variables(environ) == environ


def test_what_belongs_to_this_machine_or_process_is_not_passed():
    environ = {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "PYTHONPATH": "src",
        "RANK": "0",
        "WORLD_SIZE": "2",
        "CUDA_HOME": "/usr",
    }
    assert passed_variables({**environ, "LLEM_RUNNER_PYTORCH": "docker:llem", "AWS_SECRET_ACCESS_KEY": "x"}) == {}
