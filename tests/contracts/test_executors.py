"""The contract of every executor."""

from __future__ import annotations

import os
import sys

import pytest

from llenergymeasure.study.executors.local import Group, LocalExecutor
from llenergymeasure.testing import ExecutorBench, ExecutorContract

pytestmark = pytest.mark.slow


@pytest.fixture(params=[1, 2], ids=["one group", "two groups"])
def bench(tmp_path, request):
    executor = LocalExecutor((Group(),) * request.param, os.environ, sys.executable)
    yield ExecutorBench(executor, tmp_path, within_s=180.0)
    executor.close()


class TestLocal(ExecutorContract):
    pass
