"""The contract of executors, with a real cluster of one node."""

from __future__ import annotations

import pytest

from llenergymeasure.study.executors.executor import ExecutorContext
from llenergymeasure.study.executors.slurm.executor import SlurmExecutor
from llenergymeasure.testing import ExecutorBench, ExecutorContract
from waiting import until


@pytest.fixture
def bench(tmp_path, cluster):
    executor = SlurmExecutor(ExecutorContext(parallel=2, gpus_per_run=0), cluster.answer)
    yield ExecutorBench(executor, tmp_path, within_s=180)
    cluster.run("scancel", "--me", check=False)
    assert until(lambda: cluster.jobs() == [], 60)


class TestSlurm(ExecutorContract):
    pass
