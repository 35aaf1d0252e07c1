"""The executor for this machine, with processes that do nothing."""

from __future__ import annotations

import pytest

from fake_gpu import a_gpu
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.executors.executor import ExecutorContext
from llenergymeasure.study.executors.local import Group, LocalExecutor, create, device_groups
from llenergymeasure.study.executors.task import CycleTask, write_task

GROUPS = (Group(("GPU-0",), ("H100 (GPU-0)",)), Group(("GPU-1",), ("H100 (GPU-1)",)))


class FakeProcess:
    def __init__(self, command, environ, log):
        self.command, self.environ, self.log = command, environ, log
        self.pid, self.code = 2**22 + 1, None  # above the largest id of a process

    def poll(self):
        return self.code

    def wait(self, timeout=None):
        return 0


@pytest.fixture
def started():
    return []


def executor(started, groups=GROUPS):
    def start(*arguments):
        started.append(FakeProcess(*arguments))
        return started[-1]

    return LocalExecutor(groups, {"HOME": "/root"}, "python3", start, grace_s=0.0)


def tasks(folder, *gpus):
    """A task file per cycle; its runs were completed on these GPUs."""
    return [
        write_task(
            folder,
            CycleTask(
                cycle=cycle, number=1, rows=(), gpus=each, since="", user_config=UserConfig(), directory=".", executor="local"
            ),
        )
        for cycle, each in enumerate(gpus, 1)
    ]  # fmt: skip


def gpus_of(started):
    return [process.environ["CUDA_VISIBLE_DEVICES"] for process in started]


def test_each_group_has_one_worker_and_the_others_wait(tmp_path, started):
    local = executor(started)
    handles = local.submit(tasks(tmp_path, (), (), ()))
    assert gpus_of(started) == ["GPU-0", "GPU-1"]
    assert list(local.poll(handles).values()) == ["running", "running", "waiting"]
    started[1].code = 0
    assert list(local.poll(handles).values()) == ["running", "ended", "running"]
    assert gpus_of(started) == ["GPU-0", "GPU-1", "GPU-1"]
    assert [process.log.name for process in started] == ["c1.1.log", "c2.1.log", "c3.1.log"]
    assert started[0].environ["HOME"] == "/root"


def test_a_worker_that_was_killed_has_ended(tmp_path, started):
    local = executor(started)
    handles = local.submit(tasks(tmp_path, ()))
    started[0].code = -9
    assert local.poll(handles) == {handles[0]: "ended"}


def test_a_cycle_with_runs_on_a_gpu_continues_there(tmp_path, started):
    local = executor(started)
    local.submit(tasks(tmp_path, ("H100 (GPU-1)",), ()))
    assert {process.log.name: gpu for process, gpu in zip(started, gpus_of(started))} == {
        "c1.1.log": "GPU-1",
        "c2.1.log": "GPU-0",
    }


def test_a_cycle_with_runs_on_a_gpu_that_is_not_here_starts_anywhere(tmp_path, started):
    executor(started).submit(tasks(tmp_path, ("H100 (GPU-7)",)))
    assert gpus_of(started) == ["GPU-0"]


def test_a_task_that_waits_is_cancelled_without_a_start(tmp_path, started):
    local = executor(started, GROUPS[:1])
    handles = local.submit(tasks(tmp_path, (), ()))
    local.cancel(handles[1:])
    started[0].code = 0
    assert list(local.poll(handles).values()) == ["ended", "ended"]
    assert len(started) == 1


def test_without_a_gpu_workers_share_the_cpu(tmp_path, started):
    local = executor(started, (Group(), Group()))
    local.submit(tasks(tmp_path, (), ()))
    assert ["CUDA_VISIBLE_DEVICES" in process.environ for process in started] == [False, False]


def test_gpus_are_divided_by_uuid():
    gpus = [a_gpu(number) for number in range(4)]
    uuids = [gpu.uuid for gpu in gpus]
    assert [group.uuids for group in device_groups(gpus, 2, 1, {})] == [(uuids[0],), (uuids[1],)]
    assert [group.uuids for group in device_groups(gpus, 2, 2, {})] == [tuple(uuids[:2]), tuple(uuids[2:])]
    assert [group.uuids for group in device_groups(gpus, 2, None, {})] == [tuple(uuids[:2]), tuple(uuids[2:])]
    assert device_groups([], 3, 1, {}) == (Group(),) * 3


def test_too_few_gpus_and_mig_instances_are_refused():
    gpus = [a_gpu(0), a_gpu(1)]
    with pytest.raises(
        ConfigError, match="2 cycles at the same time with 2 GPUs each need 4 GPUs, and 2 are visible; lower --parallel"
    ):
        device_groups(gpus, 2, 2, {})
    with pytest.raises(ConfigError, match="cannot divide MIG instances"):
        device_groups(gpus, 2, 1, {"CUDA_VISIBLE_DEVICES": "MIG-1,MIG-2"})


def test_unlike_gpus_are_refused_with_both_names():
    gpus = [a_gpu(0), a_gpu(1, name="NVIDIA A100")]
    with pytest.raises(ConfigError, match=rf"unlike: NVIDIA A100 and {gpus[0].name}; run a study on each model"):
        device_groups(gpus, 2, 1, {})
    assert len(device_groups(gpus, 1, 1, {})) == 1


def test_workers_that_share_the_cpu_are_a_note_and_options_are_refused():
    from fakes import RecordingProgress

    progress = RecordingProgress()
    create(ExecutorContext(parallel=2, gpus_per_run=0, progress=progress)).close()
    assert progress.notes == [
        "2 workers share the CPU of this machine: their times and energies include each other's work"
    ]
    with pytest.raises(
        ConfigError, match="'partition' is not an option of this executor; this executor has no options"
    ):
        create(ExecutorContext(options={"partition": "gpu"}))
