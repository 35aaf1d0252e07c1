"""Slurm on this machine. Without its programs, or without root, these tests are skipped with the reason; see `make test-slurm`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slurm.cluster import Cluster, processes_of, running, why_not
from waiting import until

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All are slow, and skipped where Slurm is not installed."""
    reason = why_not()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """A cluster of one node with two GPUs, as Slurm believes."""
    folder = tmp_path_factory.mktemp("slurm")
    with running(folder) as found:
        yield found
    assert until(lambda: processes_of(folder) == {}), processes_of(folder)  # a killed process needs a moment
