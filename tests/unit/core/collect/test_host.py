"""What the host did: CPU time of others and stolen time, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from a_served_result import a_server
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.host import CpuTicks, HostCollector, read_cpu_ticks, with_server
from llenergymeasure.domain.measurements import HostResult
from llenergymeasure.testing import FakeClock, FakeEngine

ENGINE = FakeEngine(ExperimentConfig(model="m"), FakeClock())


def collect(before, after, own_seconds=1.0, environ=None, instrument_s=(None, None), children_s=(0.0, 0.0)):
    readings, used_s, children = iter([before, after]), iter(instrument_s), iter(children_s)
    collector = HostCollector(
        lambda: next(readings), environ or {}, instrument_cpu=lambda: next(used_s), children_cpu=lambda: next(children)
    )
    collector.arm(ENGINE)
    collector.stop(ENGINE)
    return collector.collect(SimpleNamespace(cpu_seconds=own_seconds, engine=ENGINE))


def test_what_is_neither_idle_nor_ours_was_used_by_other_processes():
    # 1000 ticks: 600 idle, 50 stolen, 350 busy, of which 1 s = 100 ticks are ours.
    found = collect(CpuTicks(0, 0, 0), CpuTicks(1000, 600, 50))
    assert found.other_cpu_share == pytest.approx(0.25)
    assert found.other_cpu_seconds == pytest.approx(2.5)
    assert found.cpu_steal_share == pytest.approx(0.05)
    assert found.cpu_seconds == 1.0
    assert found.threads == 2


def test_the_time_of_running_children_is_own_time():
    found = collect(CpuTicks(0, 0, 0), CpuTicks(1000, 600, 50), children_s=(4.0, 5.5))
    assert found.other_cpu_seconds == pytest.approx(1.0)
    assert found.cpu_seconds == 2.5


def test_a_child_that_ended_in_the_window_is_counted_once():
    """It had used 4 s before the window and 1 s in it; its 5 s are now those of a finished child."""
    found = collect(CpuTicks(0, 0, 0), CpuTicks(1000, 600, 50), own_seconds=5.5, children_s=(4.0, 0.0))
    assert found.other_cpu_seconds == pytest.approx(2.0)
    assert found.cpu_seconds == 1.5


def test_others_never_used_less_than_nothing():
    assert collect(CpuTicks(0, 0, 0), CpuTicks(1000, 950, 0)).other_cpu_share == 0.0


def test_without_a_reading_shares_are_unknown():
    found = collect(None, None)
    assert (found.other_cpu_share, found.cpu_steal_share, found.other_cpu_seconds) == (None, None, None)


def test_what_the_sampler_used_in_the_window_is_distinguished():
    assert collect(None, None, instrument_s=(2.5, 2.75)).instrument_cpu_seconds == pytest.approx(0.25)
    assert collect(None, None).instrument_cpu_seconds is None


def test_the_thread_variable_is_kept():
    assert collect(None, None, environ={"OMP_NUM_THREADS": "2"}).omp_num_threads == "2"
    assert collect(None, None).omp_num_threads is None


def test_proc_stat_is_read(tmp_path):
    (tmp_path / "stat").write_text("cpu  10 1 9 70 5 0 2 3 0 0\ncpu0 1 2 3\n")
    assert read_cpu_ticks(tmp_path / "stat") == CpuTicks(total=100, idle=75, steal=3)
    assert read_cpu_ticks(tmp_path / "nowhere") is None


HOST = HostResult(cpu_seconds=1.0, other_cpu_share=0.5, other_cpu_seconds=10.0)


def test_the_cpu_time_of_a_server_that_was_running_is_that_of_the_experiment():
    found = with_server(HOST, a_server(launched=False, child=False, cpu_seconds=8.0))
    assert (found.cpu_seconds, found.other_cpu_seconds, found.other_cpu_share) == pytest.approx((9.0, 2.0, 0.1))


def test_a_server_that_used_more_than_all_others_leaves_nothing_to_them():
    found = with_server(HOST, a_server(launched=False, child=False, cpu_seconds=10.2))
    assert (found.other_cpu_seconds, found.other_cpu_share) == (0.0, 0.0)


def test_a_server_that_is_a_child_of_this_process_is_counted_once_although_it_was_running():
    assert with_server(HOST, a_server(launched=False, child=True, cpu_seconds=8.0)) is HOST


@pytest.mark.parametrize(
    "server", [None, a_server(cpu_seconds=8.0), a_server(launched=False, child=False, cpu_seconds=None)]
)
def test_no_server_one_that_is_a_child_and_one_elsewhere_change_nothing(server):
    assert with_server(HOST, server) is HOST


def test_where_the_time_of_others_is_not_known_only_the_own_time_grows():
    found = with_server(HostResult(cpu_seconds=1.0), a_server(launched=False, child=False, cpu_seconds=8.0))
    assert (found.cpu_seconds, found.other_cpu_seconds) == (9.0, None)
