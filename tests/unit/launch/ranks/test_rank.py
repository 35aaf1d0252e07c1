"""A process's place among others, as launchers tell it."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.exceptions import ConfigError, ExperimentError, PreFlightError, ProcessGroupError
from llenergymeasure.launch.ranks.launcher import is_silent_rank
from llenergymeasure.launch.ranks.rank import RankInfo, check_ranks, culprits, rank_info_of, why
from llenergymeasure.results.ranks.files import write_failure

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node0",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "abc",
}
CONFIG = ExperimentConfig(model="builtin/tiny-llama", n=8, pytorch={"device": "cpu"})


def test_a_process_by_itself_has_no_seat():
    assert rank_info_of({}) is None
    assert rank_info_of({"WORLD_SIZE": "1", "RANK": "0"}) is None
    assert not is_silent_rank({})


def test_a_launcher_s_variables_give_the_seat():
    assert rank_info_of(TORCHRUN) == RankInfo(rank=3, size=4, local_rank=1, local_size=2, run_id="abc-node0:29500")
    assert is_silent_rank(TORCHRUN)
    assert not is_silent_rank({**TORCHRUN, "RANK": "0"})


@pytest.mark.parametrize("change", [{"RANK": "x"}, {"LOCAL_RANK": None}, {"MASTER_PORT": None}, {"WORLD_SIZE": "many"}])
def test_half_a_launcher_is_a_usage_error(change):
    environ = {name: value for name, value in {**TORCHRUN, **change}.items() if value is not None}
    with pytest.raises(ConfigError, match="torchrun"):
        rank_info_of(environ)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"n": 3}, "3 prompts are fewer than 4 processes"),
        ({"pytorch": {"device": "cpu", "num_processes": 2}}, "num_processes is 2, but 4 processes were started"),
        ({"pytorch": {"device": "cpu", "device_map": "auto"}}, "device_map spreads one model"),
    ],
)
def test_what_cannot_be_divided_is_found_before_the_run(config, words):
    with pytest.raises(PreFlightError, match=words):
        check_ranks(
            ExperimentConfig(**{"model": "m", "n": 8, "pytorch": {"device": "cpu"}, **config}), rank_info_of(TORCHRUN)
        )


def test_the_cause_is_told_and_not_its_echo_in_the_other_processes(tmp_path):
    write_failure(tmp_path, 0, why(ExperimentError(CONFIG, ProcessGroupError("connection closed"))))
    write_failure(tmp_path, 2, why(ExperimentError(CONFIG, MemoryError("out of memory"))))
    assert culprits(tmp_path) == {2: "out of memory"}
