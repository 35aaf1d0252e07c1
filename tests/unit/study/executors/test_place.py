"""What a worker learns about its place."""

from __future__ import annotations

from datetime import datetime, timezone

from fake_workers import machine
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.study.executors.place import clock_offset_s, earlier_workers, lasting_since
from llenergymeasure.study.executors.records import Began, Ended
from llenergymeasure.study.executors.task import CycleTask, journal_file, write_task
from llenergymeasure.study.files.journal import Journal
from llenergymeasure.testing import FakeClock

A, B = machine(0), machine(1)
ON_CPU, OTHER_CPU = (
    A.__class__(host, A.environment.model_copy(update={"gpu_models": ()}), (), dict) for host in ("node-1", "node-2")
)


def worker(folder, cycle, here, ended_at=None, temperature_c=30.0):
    task = CycleTask(cycle=cycle, number=1, rows=(), since="", user_config=UserConfig(), directory=".", executor="fake")
    path = write_task(folder, task)
    uuids = dict.fromkeys(here.thermometer(), temperature_c)
    with Journal(journal_file(path)) as journal:
        journal.append(
            Began(
                record="began", start=1, host=here.host, gpus=here.gpus, environment=here.environment, temperatures_c=uuids,
                at="2026-01-02T03:00:00+00:00",
            )
        )  # fmt: skip
        if ended_at is not None:
            journal.append(Ended(record="ended", at=ended_at))


def test_the_first_temperature_of_a_gpu_is_kept_and_the_last_end_on_it_is_found(tmp_path):
    worker(tmp_path, 1, A, "2026-01-02T03:10:00+00:00", temperature_c=30.0)
    worker(tmp_path, 2, B, "2026-01-02T03:20:00+00:00", temperature_c=40.0)
    worker(tmp_path, 3, A, "2026-01-02T03:15:00+00:00", temperature_c=70.0)
    found = earlier_workers(tmp_path, "c4.1", A, "2026-01-02T00:00:00+00:00")
    assert found.temperatures_c == {"GPU-0": 30.0, "GPU-1": 40.0}
    assert found.ended == datetime(2026, 1, 2, 3, 15, tzinfo=timezone.utc)
    assert found.environments == (A.environment, B.environment)


def test_the_own_journal_an_end_of_an_earlier_day_and_another_machine_do_not_count(tmp_path):
    worker(tmp_path, 1, ON_CPU, "2026-01-02T03:10:00+00:00")
    assert earlier_workers(tmp_path, "c1.1", ON_CPU, "").environments == ()
    assert earlier_workers(tmp_path, "c2.1", ON_CPU, "2026-01-03").ended is None
    assert earlier_workers(tmp_path, "c2.1", OTHER_CPU, "").ended is None
    assert earlier_workers(tmp_path, "c2.1", ON_CPU, "").ended is not None


def test_the_time_since_the_last_end_is_that_of_the_clock(tmp_path):
    clock = FakeClock()  # at 03:04:05
    worker(tmp_path, 1, A, "2026-01-02T03:03:05+00:00")
    assert earlier_workers(tmp_path, "c2.1", A, "").ended_s_ago(clock) == 60.0
    assert earlier_workers(tmp_path, "c2.1", B, "").ended_s_ago(clock) is None


def failed(place, kind, started_at):
    return RunRow(
        run_id=f"0{place}.c1", place=place, cell=f"0{place}", cycle=1, block="cycle 1", state="failed", attempt=1,
        started_at=started_at, failure=RunFailure(kind=kind, message="x"),
    )  # fmt: skip


def test_only_failures_of_this_time_that_last_are_taken_over(tmp_path):
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append(failed(1, "out_of_memory", "2026-01-02T03:00:00+00:00"))
        journal.append(failed(2, "out_of_memory", "2026-01-02T04:00:00+00:00"))
        journal.append(failed(3, "crash", "2026-01-02T04:00:00+00:00"))
    assert list(lasting_since(tmp_path, "2026-01-02T03:30:00+00:00")) == ["02"]


def test_the_clock_of_this_disk_is_that_of_this_machine(tmp_path):
    offset_s = clock_offset_s(tmp_path, SystemClock())
    assert offset_s is not None
    assert abs(offset_s) < 1.0
    assert list(tmp_path.iterdir()) == []
    assert clock_offset_s(tmp_path / "none", SystemClock()) is None
