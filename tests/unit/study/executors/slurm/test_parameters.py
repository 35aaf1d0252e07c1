"""The parameters of sbatch that a user gives."""

from __future__ import annotations

import pytest

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.executors.slurm.parameters import as_option, checked, with_gpus


def test_parameters_are_those_of_sbatch_by_their_long_names():
    options = {"partition": "gpu", "cpus_per_task": "8", "exclusive": ""}
    assert checked(options) == {"partition": "gpu", "cpus-per-task": "8", "exclusive": ""}
    assert [as_option(*each) for each in checked(options).items()] == [
        "--partition=gpu", "--cpus-per-task=8", "--exclusive",
    ]  # fmt: skip


def test_a_flag_of_the_user_config_is_true_or_false():
    assert checked({"exclusive": "true", "contiguous": "false"}) == {"exclusive": ""}


@pytest.mark.parametrize("key", ["p", "Partition", "--partition", "a b", "", "x\n", "mem-"])
def test_what_is_no_long_name_is_refused(key):
    with pytest.raises(ConfigError, match="is not the long name of an option of sbatch; for example"):
        checked({key: "1"})


@pytest.mark.parametrize("key", ["array", "output", "job_name", "ntasks-per-node", "clusters"])
def test_what_the_executor_gives_itself_is_refused_with_the_reason(key):
    with pytest.raises(ConfigError, match=f"--executor-option {key.replace('_', '-')} is not possible: .+; remove it"):
        checked({key: "1"})


def test_a_value_with_a_new_line_is_refused():
    with pytest.raises(ConfigError, match="--executor-option comment has characters that cannot be printed"):
        checked({"comment": "a\n#SBATCH --uid=0"})


@pytest.mark.parametrize(
    ("given", "gpus", "found"),
    [
        ({}, 2, {"gres": "gpu:2"}),
        ({}, 0, {}),
        ({"gpus": "a100:2"}, 2, {"gpus": "a100:2"}),
        ({"gres": "gpu:h100:1"}, 1, {"gres": "gpu:h100:1"}),
        ({"account": "me"}, 1, {"gres": "gpu:1", "account": "me"}),
    ],
)
def test_gpus_are_added_where_the_user_does_not_choose_them(given, gpus, found):
    assert with_gpus(given, gpus) == found


def test_slurm_must_know_the_number_of_gpus():
    with pytest.raises(ConfigError, match="and Slurm must know their number; add --gpus-per-run N"):
        with_gpus({}, None)
    assert with_gpus({"gpus": "4"}, None) == {"gpus": "4"}
