"""The real Zeus on simulated GPUs, in virtual time: its own reading, and that of our meter for the same window.

Every GPU draws 300 W: 3 s are 900 J.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pynvml
import pytest

from forked import Forker
from nvmlsim import Constant, Fault, Freeze, Reset, Sensor, sim_gpu
from waiting import until

pytest.importorskip("zeus")

LOST = pynvml.NVML_ERROR_GPU_IS_LOST
TICKS_LATE = Sensor(0.1, 0.1, phase_s=0.09)  # far from the moments at which windows begin here
UNGUARDED = """
import os
from nvmlsim import attached_clock
from zeus.monitor import ZeusMonitor
clock = attached_clock(os.environ)
monitor = ZeusMonitor(cpu_indices=[])
try:
    monitor.begin_window("w", sync_execution=False)
    clock.sleep({seconds})
    found = monitor.end_window("w", sync_execution=False)
    tell(joules=found.gpu_energy, total=found.total_energy)
except Exception as error:
    tell(error=str(error))
"""
GUARDED = """
import os
from dataclasses import replace
from llenergymeasure.core.devices import open_devices
from llenergymeasure.core.energy.select import choose_meter, meter_states
from llenergymeasure.core.sampling.sampler import GpuSampler
from nvmlsim import attached_clock
clock = attached_clock(os.environ)
with open_devices(clock, os.environ) as devices:
    tell(state=meter_states(devices)["zeus"])
    if devices.gpus:
        clock.sampler = GpuSampler(devices.door, devices.gpus, clock)
        clock.sleep(0.5)
        devices = replace(devices, sampler=clock.sampler)
    metering = choose_meter("auto", "zeus", devices)
    window = metering.meter.open_window()
    start_s = clock.now()
    clock.sleep({seconds})
    try:
        reading = window.close(start_s, clock.now())
        tell(meter=metering.choice.name, joules=reading.energy_j, devices=reading.per_device_j, reason=reading.reason,
             method=reading.method, check=reading.crosscheck_j, updates=reading.n_readings,
             period_s=reading.update_period_s)
    except Exception as error:
        tell(error=f"{{type(error).__name__}}: {{error}}")
    metering.meter.release()
"""


@pytest.fixture(scope="module")
def zeus(nvml_library):
    forker = Forker("zeus.monitor", {"LD_LIBRARY_PATH": str(nvml_library.parent), "OMP_NUM_THREADS": "1"})
    yield forker
    forker.close()


def always_300_w(number=0, architecture="hopper", **changes):
    return sim_gpu(architecture, number, idle=[Constant(300.0)], **changes)


def both(zeus, sim, seconds=3.0, **environ):
    """The reading of Zeus for a window, and that of our Zeus meter in a fresh copy of the scenario."""
    environ = {**sim.environ, **environ}
    start_s = sim.now()
    unguarded = zeus.run(UNGUARDED.format(seconds=seconds), environ)
    sim.rewind(start_s)
    return unguarded, zeus.run(GUARDED.format(seconds=seconds), environ)


def test_our_sampler_counts_the_ticks_that_zeus_does_not_report(zeus, simulation):
    ours = zeus.run(GUARDED.format(seconds=3.0), simulation(always_300_w()).environ)
    assert (ours["updates"], ours["period_s"]) == (pytest.approx(30, abs=1), pytest.approx(0.1, abs=0.02))


def test_a_working_counter_gives_the_same_joules_to_both(zeus, simulation):
    unguarded, ours = both(zeus, simulation(always_300_w()))
    assert unguarded["total"] == 900.0
    assert ours["joules"] == 900.0
    assert (ours["state"], ours["meter"], ours["method"]) == ("available", "zeus", "counter")
    assert ours["check"] == pytest.approx(900.0, rel=0.01)


def test_without_a_gpu_zeus_reports_0_j_and_our_meter_gives_a_reason(zeus, simulation):
    unguarded, ours = both(zeus, simulation(always_300_w()), NVMLSIM_SCENARIO="/nowhere")
    assert unguarded == {"joules": {}, "total": 0}
    assert (ours["meter"], ours["joules"]) == ("none", None)
    assert "NVML Shared Library Not Found" in ours["reason"]


def test_a_counter_that_was_reset_gives_zeus_negative_joules_and_ours_none(zeus, simulation):
    unguarded, ours = both(zeus, simulation(always_300_w(), faults=[Reset(11.5)]))
    assert unguarded["total"] < -100_000
    assert ours["joules"] is None
    assert "a counter was reset in the window" in ours["reason"]


def test_a_counter_that_was_reset_soon_after_the_driver_was_loaded_gives_zeus_too_few_joules_and_ours_none(
    zeus, simulation
):
    early = always_300_w(counter_start_j=-2950.0)  # shows 50 J at 10 s
    unguarded, ours = both(zeus, simulation(early, faults=[Reset(11.5)]))
    assert 0 < unguarded["total"] < 500
    assert ours["joules"] is None
    assert "went backwards" in ours["reason"]


def test_a_counter_that_freezes_gives_zeus_too_few_joules_and_ours_none(zeus, simulation):
    unguarded, ours = both(zeus, simulation(always_300_w(), faults=[Freeze(11.0)]))
    assert unguarded["total"] == pytest.approx(300.0, rel=0.01)
    assert ours["joules"] is None
    assert "did not advance for" in ours["reason"]
    assert "energy.backend: nvml" in ours["reason"]


def test_a_window_within_one_tick_is_0_j_to_zeus_and_none_to_ours(zeus, simulation):
    unguarded, ours = both(zeus, simulation(always_300_w(counter=TICKS_LATE)), seconds=0.02)
    assert unguarded["total"] == 0.0
    assert ours["joules"] is None
    assert "did not tick" in ours["reason"]


def test_a_lost_gpu_is_a_meter_error_with_the_message_of_zeus(zeus, simulation):
    unguarded, ours = both(zeus, simulation(always_300_w(), faults=[Fault("*", LOST, from_s=11.5)]))
    assert unguarded == {"error": "GPU is lost"}
    assert ours["error"] == "MeterError: zeus failed: ZeusGPULostError: GPU is lost"


def test_a_list_in_another_order_charges_the_right_gpu(zeus, simulation):
    """NVML's number 1 is the first visible GPU: unguarded Zeus calls it 0."""
    sim = simulation(always_300_w(0), sim_gpu("hopper", 1, idle=[Constant(100.0)]))
    unguarded, ours = both(zeus, sim, CUDA_VISIBLE_DEVICES="1,0")
    assert unguarded["joules"] == {"0": pytest.approx(300.0), "1": pytest.approx(900.0)}
    assert ours["devices"] == {sim.gpus[0].uuid: pytest.approx(900.0), sim.gpus[1].uuid: pytest.approx(300.0)}


def test_zeus_synchronises_by_itself_and_fails_where_torch_has_no_cuda(zeus, simulation):
    torch = pytest.importorskip("torch")
    if torch.version.cuda is not None:
        pytest.skip("torch was built with CUDA")
    code = UNGUARDED.format(seconds=3.0).replace(", sync_execution=False", "")
    assert "does not have CUDA support" in zeus.run(code, simulation(always_300_w()).environ)["error"]


def test_a_gpu_without_a_counter_breaks_zeus_and_is_not_offered(zeus, simulation):
    """Zeus infers the counter from the architecture; ours asks the device."""
    unguarded, ours = both(zeus, simulation(always_300_w(counter=None)))
    assert unguarded == {"error": "Not Supported"}
    assert ours["state"] == "GPU 0 (NVIDIA H100 80GB HBM3) has no energy counter"
    assert ours["joules"] is None


def test_importing_zeus_takes_many_megabytes_and_happens_before_the_window(zeus, nvml_library, simulation):
    assert zeus.import_mb > 100
    program = """
import os, sys
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.devices import open_devices
from llenergymeasure.config.meters import METERS
from llenergymeasure.core.energy.select import meter_states
with open_devices(SystemClock(), os.environ) as devices:
    assert meter_states(devices)["zeus"] == "available"
    assert "zeus" not in sys.modules
    meter = METERS["zeus"].create(devices)
    assert "zeus.monitor" in sys.modules
    before = set(sys.modules)
    window = meter.open_window()
    assert {name for name in sys.modules if name.startswith(("zeus", "sklearn"))} <= before
    window.abandon()
    meter.release()
"""
    sim = simulation(always_300_w(), real=True)
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **sim.environ}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


HELPERS = """
import os, time
from zeus.monitor import ZeusMonitor
if __name__ == "__main__":
    monitor = ZeusMonitor(cpu_indices=[])
    print("up", flush=True)
    time.sleep(60)
"""
REFUSED = """
import multiprocessing, os
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.devices import open_devices
from llenergymeasure.config.meters import METERS
from llenergymeasure.core.energy.select import meter_states
from llenergymeasure.exceptions import MeterError
if __name__ == "__main__":
    with open_devices(SystemClock(), os.environ) as devices:
        print(meter_states(devices)["zeus"])
        try:
            METERS["zeus"].create(devices)
        except MeterError as error:
            print(error)
    print(len(multiprocessing.active_children()))
"""


@pytest.mark.slow
def test_on_an_old_gpu_zeus_starts_helpers_that_outlive_a_kill_and_ours_refuses_them(simulation, tmp_path):
    sim = simulation(always_300_w(architecture="pascal"), real=True)
    environ = {**os.environ, **sim.environ}
    parent = started(tmp_path, HELPERS, environ)
    if parent.stdout.readline() != "up\n":
        pytest.skip("this machine is too busy for the 10 s that zeus gives its helpers to start")
    helpers = others_of_session(parent.pid)
    parent.kill()
    parent.wait()
    time.sleep(0.3)
    left = [pid for pid in helpers if is_alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    parent.stdout.close()
    assert left
    refused = started(tmp_path, REFUSED, environ)
    out, _ = refused.communicate(timeout=120)
    state, error, children = out.splitlines()
    assert state == "GPU 0 (Tesla P100-PCIE-16GB) has no energy counter"
    assert error.startswith(("zeus found a GPU without an energy counter and polls its power", "zeus cannot start"))
    assert children == "0"
    assert until(lambda: others_of_session(refused.pid) == [])  # Python's own helper ends after its parent


def started(place, code, environ):
    """A program in a session of its own; spawned helpers import it again, so it has to be a file."""
    program = place / f"program{len(list(place.iterdir()))}.py"
    program.write_text(code, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(program)], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip


def others_of_session(session):
    """Living processes of a session, but its leader."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(rest[3]) == session and pid != session and rest[0] != "Z":
            found.append(pid)
    return found


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
