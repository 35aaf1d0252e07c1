"""A running server on simulated GPUs: which are measured, whose processes are its own, and what is said when it is elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from llenergymeasure.core.sampling.gpu_processes import numbers_are_the_host_s
from nvmlsim import sim_gpu
from nvmlsim.scenario import Process
from ports import free_port
from waiting import until

pytestmark = pytest.mark.slow
SERVER = Path(__file__).parents[1] / "openai_server.py"
QUICK = (
    "n=40", "traffic.concurrency=4", "max_output_tokens=16", "warmup.n_warmup=1", "warmup.thermal_floor_seconds=0",
    "baseline.enabled=false",
)  # fmt: skip


def answers(url):
    try:
        with urlopen(f"{url}/models", timeout=1) as reply:
            return reply.status == 200
    except (URLError, OSError):
        return False


@pytest.fixture
def server():
    """A server that runs already: its address and its process id."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    with subprocess.Popen([sys.executable, str(SERVER), "--port", str(port)], start_new_session=True) as process:
        assert until(lambda: answers(url))
        yield url, process.pid
        process.kill()


def measured(folder, environ, *settings):
    """The result of a run of the command line, as JSON."""
    command = [sys.executable, "-m", "llenergymeasure", "run", "--model", "nothing", "--backend", "server"]
    given = [part for one in (*QUICK, *settings) for part in ("--set", one)]
    done = subprocess.run(
        [*command, "--output", str(folder), *given], env={**os.environ, **environ}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*/result.json")
    return json.loads(file.read_text()), done.stdout + done.stderr


@pytest.mark.skipif(
    not numbers_are_the_host_s(), reason="the driver would report other process ids than those of this container"
)
def test_the_gpus_of_its_processes_are_measured_and_the_others_are_not(tmp_path, simulation, server):
    url, pid = server
    gpus = [sim_gpu(number=number, processes=(Process(pid),) if number == 1 else ()) for number in range(3)]
    sim = simulation(*gpus, real=True)
    result, _ = measured(tmp_path, sim.environ, f"server.url={url}")
    assert set(result["energy"]["per_device_j"]) == {gpus[1].uuid}
    assert result["server"]["gpus"] == [gpus[1].uuid]
    assert result["model_info"]["device"] == "cuda"
    assert result["foreign_processes"] == []
    assert result["server"]["cpu_seconds"] > 0
    assert result["server"]["memory_mb"] > 1
    assert not {"idle_gpus_metered", "server_gpus_not_metered", "foreign_process"} & {
        one["code"] for one in result["warnings"]
    }


@pytest.mark.skipif(
    not numbers_are_the_host_s(), reason="the driver would report other process ids than those of this container"
)
def test_the_cpus_are_measured_where_its_processes_use_no_gpu_and_no_other_program_does(tmp_path, simulation, server):
    url, pid = server
    idle = simulation(sim_gpu(), real=True)
    result, _ = measured(tmp_path / "cpu", idle.environ, f"server.url={url}")
    assert "GPU" not in str(result["energy"]["per_device_j"])
    assert result["environment_snapshot"]["gpus"] == []
    assert (result["model_info"]["device"], result["server"]["gpus"]) == ("cpu", [])
    gpu = sim_gpu(processes=(Process(pid + 100_000),))
    busy = simulation(gpu, real=True)
    result, _ = measured(tmp_path / "gateway", busy.environ, f"server.url={url}")
    assert set(result["energy"]["per_device_j"]) == {gpu.uuid}
    assert result["energy"]["method"] in ("counter", "sampled")  # the latter after a stall of the machine
    assert "server_uses_no_gpu" in {one["code"] for one in result["warnings"]}


def test_gpus_that_a_started_server_does_not_use_are_named_and_can_be_hidden(tmp_path, simulation):
    sim = simulation(sim_gpu(), real=True)
    launch = f"server.launch=[{sys.executable}, {SERVER}, --port, '{{port}}']"
    result, _ = measured(tmp_path / "visible", sim.environ, launch)
    if numbers_are_the_host_s():
        assert "server_uses_no_gpu" in {one["code"] for one in result["warnings"]}
    result, _ = measured(tmp_path / "hidden", {**sim.environ, "CUDA_VISIBLE_DEVICES": ""}, launch)
    assert "GPU" not in str(result["energy"]["per_device_j"])
    assert "server_uses_no_gpu" not in {one["code"] for one in result["warnings"]}


def test_gpus_that_are_named_are_measured_and_its_other_ones_are_named(tmp_path, simulation, server):
    url, pid = server
    gpus = [sim_gpu(number=number, processes=(Process(pid),)) for number in range(2)]
    sim = simulation(*gpus, real=True)
    result, _ = measured(tmp_path, sim.environ, f"server.url={url}", "server.gpus=[1]")
    assert set(result["energy"]["per_device_j"]) == {gpus[1].uuid}
    if numbers_are_the_host_s():
        assert "server_gpus_not_metered" in {one["code"] for one in result["warnings"]}


def test_the_energy_of_a_server_elsewhere_is_not_measured_although_there_are_gpus_here(tmp_path, simulation, server):
    url, _ = server
    sim = simulation(sim_gpu(), real=True)
    result, text = measured(tmp_path, sim.environ, f"server.url={url}", "server.energy=none")
    assert result["energy"]["energy_j"] is None
    assert result["energy"]["reason"] == "server.energy is none: the server is on another machine"
    assert result["server"]["reason"] == "server.energy is none: the server is on another machine"
    assert (result["server"]["cpu_seconds"], result["model_info"]["device"]) == (None, "unknown")
    assert result["traffic"]["answered"] == 40
    assert "energy will not be measured: server.energy is none" in text
