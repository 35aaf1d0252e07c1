"""The rank of a process, from the variables of launchers."""

from __future__ import annotations

import pytest

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.launch.ranks.rank import RankInfo, is_silent_rank, rank_info_of

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node0",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "abc",
}


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
