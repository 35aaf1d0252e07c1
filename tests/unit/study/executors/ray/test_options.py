"""The options of the executor `ray`."""

from __future__ import annotations

import pytest

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.executors.executor import ExecutorContext
from llenergymeasure.study.executors.ray.options import RayOptions, options_from


def options(**texts):
    return options_from(ExecutorContext(options=texts))


def test_without_options_the_cluster_that_runs_is_used():
    assert options() == RayOptions(address="auto", num_cpus=None, num_gpus=None, cpus_per_run=None)


def test_a_local_cluster_may_have_a_number_of_cpus_and_gpus():
    assert options(address="local", num_cpus="2", num_gpus="2", cpus_per_run="0.5") == RayOptions("local", 2, 2, 0.5)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (
            {"adress": "auto"},
            "'adress' is not an option of this executor; this executor has: address, num_cpus, num_gpus,",
        ),
        ({"num_gpus": "2"}, "num_gpus=2 is for a local cluster, and the address is auto; leave num_gpus out, or add"),
        ({"address": "local", "num_cpus": "two"}, "num_cpus of the executor ray is 'two'; write a whole number"),
        ({"address": "local", "num_cpus": "-1"}, "num_cpus of the executor ray is '-1'; write a whole number"),
        ({"cpus_per_run": "0"}, "cpus_per_run of the executor ray is '0'; write a number above 0"),
        ({"cpus_per_run": "all"}, "cpus_per_run of the executor ray is 'all'; write a number above 0"),
        ({"cpus_per_run": "nan"}, "cpus_per_run of the executor ray is 'nan'; write a number above 0"),
    ],
)
def test_a_wrong_option_is_one_message(texts, words):
    with pytest.raises(ConfigError) as error:
        options(**texts)
    assert words in str(error.value)
