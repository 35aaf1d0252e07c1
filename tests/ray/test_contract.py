"""The contract of executors, on a Ray cluster with two device groups."""

from __future__ import annotations

import os

import pytest

from llenergymeasure.study.executors.executor import ExecutorContext
from llenergymeasure.study.executors.ray.executor import create
from llenergymeasure.testing import ExecutorBench, ExecutorContract


@pytest.fixture
def bench(bare_cluster, tmp_path):
    options = {"address": bare_cluster.address, "cpus_per_run": "1"}
    executor = create(ExecutorContext(gpus_per_run=0, options=options, environ=os.environ, results=tmp_path))
    yield ExecutorBench(executor, tmp_path, within_s=180)
    executor.close()


class TestRay(ExecutorContract):
    pass
