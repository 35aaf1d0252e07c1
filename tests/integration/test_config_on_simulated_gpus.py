"""`llem config` in environments with simulated GPUs: the state of every meter, and the one that `auto` chooses."""

from __future__ import annotations

import os
import subprocess
import sys

import pynvml
import pytest

from forked import Forker
from nvmlsim import Fault, sim_gpu

pytest.importorskip("zeus")
pytest.importorskip("codecarbon")

PROGRAM = """
import contextlib, io, sys
from llenergymeasure.cli.commands.config import command
sys.path[:0] = {path!r}
text = io.StringIO()
with contextlib.redirect_stdout(text):
    code = command(verbose=False)
tell(code=code, text=text.getvalue(), heavy=[name for name in ("torch", "zeus", "codecarbon") if name in sys.modules])
"""
NOT_THE_ORDER = "CUDA_DEVICE_ORDER=PCI_BUS_ID"


@pytest.fixture(scope="module")
def llem(nvml_library, tmp_path_factory):
    """`llem config` as a fresh process would answer."""
    home = tmp_path_factory.mktemp("home")
    forker = Forker(
        "llenergymeasure.cli.commands.config",
        {"LD_LIBRARY_PATH": str(nvml_library.parent), "HOME": str(home), "XDG_CONFIG_HOME": str(home)},
    )
    yield forker
    forker.close()


def config(llem, sim, path=(), **environ):
    """The lines of `llem config` on GPUs and meters, and the meter that `auto` chooses."""
    reported = llem.run(PROGRAM.format(path=[str(one) for one in path]), {**sim.environ, **environ})
    assert (reported["code"], reported["heavy"]) == (0, [])
    lines = reported["text"].splitlines()
    gpus = lines[lines.index("GPUs") + 1 : lines.index("backends")]
    auto = next(number for number, line in enumerate(lines) if line.startswith("  auto would choose"))
    states = dict(line.strip().split(": ", 1) for line in lines[lines.index("meters") + 1 : auto])
    states.pop("rapl")  # it depends on the machine, not on its GPUs
    return "\n".join(gpus), states, lines[auto].strip()


def test_one_gpu_has_every_meter_and_auto_takes_nvml(llem, simulation):
    gpus, states, auto = config(llem, simulation(sim_gpu()))
    assert gpus.splitlines() == ["  driver 580.95.05", "  0: NVIDIA H100 80GB HBM3, 80 GB, limit 700 W"]
    assert states == {"zeus": "available", "nvml": "available", "codecarbon": "available"}
    assert auto == "auto would choose nvml: the first available of nvml, zeus, codecarbon"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "NVML Shared Library Not Found"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "Driver Not Loaded"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "no permission to read the GPU; run as a user who may use the NVIDIA driver"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "the driver and its library have different versions; reboot"),
        (pynvml.NVML_ERROR_UNKNOWN, "NVML: Unknown Error"),
    ],
)
def test_a_driver_that_cannot_be_used_gives_the_reason_and_auto_chooses_codecarbon(llem, simulation, code, words):
    gpus, states, auto = config(llem, simulation(sim_gpu(), faults=[Fault("nvmlInit", code)]))
    assert gpus.startswith("  none: NVML: ")
    assert words in gpus
    assert states["zeus"] == states["nvml"] == gpus.removeprefix("  none: ")
    assert auto.startswith(("auto would choose codecarbon", "auto would choose rapl"))


def test_a_machine_without_any_gpu_is_reported(llem, simulation):
    gpus, states, _ = config(llem, simulation())
    assert gpus == "  none: NVML: it works, but finds no GPU"
    assert states["nvml"] == "NVML: it works, but finds no GPU"


def test_a_gpu_that_may_not_be_read_is_named_and_is_not_the_same_as_no_gpu(llem, simulation):
    sim = simulation(sim_gpu(), faults=[
        Fault("nvmlDeviceGetFieldValues", pynvml.NVML_ERROR_NO_PERMISSION),
        Fault("nvmlDeviceGetTotalEnergyConsumption", pynvml.NVML_ERROR_NO_PERMISSION),
    ])  # fmt: skip
    gpus, states, auto = config(llem, sim)
    assert "0: NVIDIA H100" in gpus
    assert states["nvml"].startswith("GPU 0 (NVIDIA H100 80GB HBM3): ")
    assert "no permission" in states["nvml"]
    assert "no permission" in states["zeus"]
    assert auto.startswith("auto would choose codecarbon")


def test_without_a_counter_zeus_is_not_offered_and_auto_takes_nvml(llem, simulation):
    _, states, auto = config(llem, simulation(sim_gpu(number=0), sim_gpu("ampere", 1, counter=None)))
    assert states == {
        "zeus": "GPU 1 (NVIDIA RTX A6000) has no energy counter",
        "nvml": "available",
        "codecarbon": "available",
    }
    assert auto.startswith("auto would choose nvml")


def test_zeus_beside_its_old_name_is_broken_and_auto_takes_nvml(llem, simulation, tmp_path):
    place = tmp_path / "zeus_ml-0.11.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: zeus-ml\nVersion: 0.11\n")
    _, states, auto = config(llem, simulation(sim_gpu()), path=[tmp_path])
    assert states["zeus"].endswith("run: pip uninstall -y zeus-ml zeus && pip install zeus")
    assert auto.startswith("auto would choose nvml")


def test_codecarbon_without_nvidia_smi_is_not_offered(llem, simulation, tmp_path):
    _, states, _ = config(llem, simulation(sim_gpu()), PATH=str(tmp_path))
    assert states["codecarbon"] == "codecarbon ignores the GPUs because nvidia-smi is not on the PATH"


@pytest.mark.parametrize(
    ("listed", "zeus", "nvml"),
    [
        ("", "CUDA_VISIBLE_DEVICES hides every GPU", "CUDA_VISIBLE_DEVICES hides every GPU"),
        ("-1", "CUDA_VISIBLE_DEVICES hides every GPU", "CUDA_VISIBLE_DEVICES hides every GPU"),
        ("1,0", "available", "available"),
        ("GPU-00000001", "zeus reads only numbers in CUDA_VISIBLE_DEVICES, which is 'GPU-00000001'", "available"),
        ("MIG-b", "zeus reads only numbers in CUDA_VISIBLE_DEVICES, which is 'MIG-b'", "available"),
        ("7", "CUDA_VISIBLE_DEVICES names '7', but this machine has 2 GPUs", None),
        ("0,0", "names a GPU twice, so CUDA shows no GPU", None),
    ],
)
def test_the_list_of_visible_gpus_decides(llem, simulation, listed, zeus, nvml):
    sim = simulation(sim_gpu(number=0), sim_gpu(number=1, migs=["MIG-a", "MIG-b"]))
    gpus, states, auto = config(llem, sim, CUDA_VISIBLE_DEVICES=listed)
    assert zeus in states["zeus"]
    assert (nvml or zeus) in states["nvml"]
    shown = [line.strip()[0] for line in gpus.splitlines() if "NVIDIA" in line]
    assert shown == {"1,0": ["1", "0"], "GPU-00000001": ["1"], "MIG-b": ["1"]}.get(listed, [])
    assert ("MIG: energy is that of the whole GPU" in gpus) == ("1" in shown)
    first = next((name for name, state in states.items() if state == "available"), None)
    assert auto.startswith(f"auto would choose {first}: the first available")


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, "0: Tesla T4"),
        ({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, NOT_THE_ORDER),
        ({"CUDA_VISIBLE_DEVICES": "0"}, NOT_THE_ORDER),
        ({"CUDA_VISIBLE_DEVICES": "GPU-00000001"}, "1: NVIDIA H100"),
    ],
)
def test_gpus_that_differ_are_not_guessed_from_numbers(llem, simulation, environ, shown):
    gpus, _, _ = config(llem, simulation(sim_gpu("turing", 0), sim_gpu("hopper", 1)), **environ)
    assert shown in gpus


def test_the_command_itself_works(simulation, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "llenergymeasure", "config"],
        env={**os.environ, **simulation(sim_gpu()).environ, "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "auto would choose nvml" in done.stdout
