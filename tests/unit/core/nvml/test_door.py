"""The NVML door: units, the three outcomes of every failure, and which GPUs a process may use."""

from __future__ import annotations

import pynvml
import pytest

from fake_gpu import a_gpu
from fake_nvml import FakeNvml
from llenergymeasure.core.devices import driver_version, gpu_infos, open_devices
from llenergymeasure.core.energy import nvml, zeus
from llenergymeasure.core.energy.codecarbon import meter as codecarbon
from llenergymeasure.core.nvml.codes import outcome_of
from llenergymeasure.core.nvml.cuda_visible_devices import visible_gpus
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import ConditionReading, PowerReading
from llenergymeasure.exceptions import ConfigError, ReadingFailed, SensorAbsent, SensorFault
from llenergymeasure.testing import FakeClock

NOT_SUPPORTED, NO_PERMISSION, TIMEOUT, LOST = 3, 4, 10, 15
NO_LIBRARY, MISMATCH, UNKNOWN, NO_FUNCTION = 12, 18, 999, 13


def door(**options):
    opened = GpuDoor(FakeNvml(**options))
    return opened, opened.gpus[0]


def test_readings_are_in_joules_and_watts():
    opened, gpu = door()
    assert opened.power(gpu) == PowerReading(energy_j=5000.0, average_w=250.0, instant_w=300.0)
    assert opened.energy_j(gpu) == 5000.0


def test_the_driver_s_own_record_is_in_seconds_and_watts():
    opened, gpu = door()
    (_, first_w), (last_utc_s, last_w) = opened.recent_power(gpu, 1_700_000_000.25)
    assert (first_w, last_w) == (93.0, 94.0)
    assert last_utc_s == pytest.approx(1_700_000_000.4, abs=1e-3)


def test_a_device_without_a_record_gives_none_of_it():
    opened, gpu = door(failures={"nvmlDeviceGetSamples": NOT_SUPPORTED})
    assert opened.recent_power(gpu, 0.0) == []


def test_a_gpu_is_known_by_uuid_name_and_architecture():
    _, gpu = door()
    assert (gpu.uuid, gpu.name, gpu.architecture) == ("GPU-0aaa", "NVIDIA H100", "hopper")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (NOT_SUPPORTED, SensorAbsent),
        (NO_FUNCTION, SensorAbsent),
        (NO_LIBRARY, SensorAbsent),
        (9, SensorAbsent),
        (TIMEOUT, ReadingFailed),
        (UNKNOWN, ReadingFailed),
        (LOST, SensorFault),
        (16, SensorFault),
        (MISMATCH, SensorFault),
        (NO_PERMISSION, SensorFault),
    ],
)
def test_every_failure_is_one_of_three_outcomes(code, outcome):
    assert type(outcome_of(code, "words")) is outcome


def test_missing_permission_differs_from_no_gpu_and_a_mismatch_needs_a_reboot():
    with pytest.raises(SensorFault, match="no permission"):
        door(failures={"nvmlInit": NO_PERMISSION})
    with pytest.raises(SensorFault, match="reboot"):
        door(failures={"nvmlInit": MISMATCH})


def test_no_gpu_is_absent_and_nvml_is_shut_again():
    nvml = FakeNvml(gpus=0)
    with pytest.raises(SensorAbsent, match="finds no GPU"):
        GpuDoor(nvml)
    assert nvml.calls[-1] == "nvmlShutdown"


def test_a_passing_failure_is_tried_once_more():
    opened, gpu = door(failures={"nvmlDeviceGetFieldValues": [TIMEOUT]})
    assert opened.power(gpu).instant_w == 300.0
    opened, gpu = door(failures={"nvmlDeviceGetFieldValues": [TIMEOUT, TIMEOUT]})
    with pytest.raises(ReadingFailed, match="Timeout"):
        opened.power(gpu)


def test_a_field_that_is_not_supported_is_none_and_the_others_stay():
    opened, gpu = door(failures={"field 83": NOT_SUPPORTED})
    assert opened.power(gpu) == PowerReading(None, 250.0, 300.0)


def test_without_instant_power_an_averaging_board_has_none():
    """Unguarded, nvmlDeviceGetPowerUsage would pass for instant power and lag by a second."""
    opened, gpu = door(failures={"field 186": NOT_SUPPORTED})
    assert opened.power(gpu).instant_w is None
    opened, gpu = door(failures={"field 186": NOT_SUPPORTED}, names=("NVIDIA A100",))
    assert opened.power(gpu).instant_w == 250.0


def test_all_fields_lost_is_the_device_s_fault():
    opened, gpu = door(failures={f"field {field}": LOST for field in (83, 185, 186)})
    with pytest.raises(SensorFault, match="lost"):
        opened.power(gpu)


def test_an_old_driver_is_asked_call_by_call():
    opened, gpu = door(failures={"nvmlDeviceGetFieldValues": NO_FUNCTION})
    assert opened.power(gpu) == PowerReading(5000.0, average_w=250.0)
    opened, gpu = door(failures={"nvmlDeviceGetFieldValues": NO_FUNCTION}, names=("NVIDIA A100",))
    assert opened.power(gpu) == PowerReading(5000.0, instant_w=250.0)


def test_a_board_that_reports_nothing_is_absent():
    calls = ("nvmlDeviceGetFieldValues", "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage")
    opened, gpu = door(failures=dict.fromkeys(calls, NOT_SUPPORTED))
    with pytest.raises(SensorAbsent, match="reports neither energy nor power"):
        opened.power(gpu)
    assert opened.energy_j(gpu) is None


def test_conditions_are_none_where_the_board_does_not_report_them():
    opened, gpu = door()
    assert opened.conditions(gpu) == ConditionReading(61, 2000.0, 80000.0, 97, 1980, 0x4)
    silent = ("MemoryInfo", "UtilizationRates", "Temperature", "ClockInfo")
    opened, gpu = door(failures={f"nvmlDeviceGet{name}": NOT_SUPPORTED for name in silent})
    assert opened.conditions(gpu) == ConditionReading(reasons=0x4)


def test_event_reasons_have_an_old_name_on_old_drivers():
    opened, gpu = door(failures={"nvmlDeviceGetCurrentClocksEventReasons": NO_FUNCTION})
    assert opened.conditions(gpu).reasons == 0x20


def test_processes_are_reported_once_each():
    opened, gpu = door()
    assert opened.processes(gpu) == (7, 9)
    assert opened.computing(gpu) == (9,)


GPUS = [a_gpu(0), a_gpu(1), a_gpu(2)]


@pytest.mark.parametrize(
    ("environ", "indices"),
    [
        ({}, [0, 1, 2]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "2,0"}, [2, 0]),
        ({"CUDA_VISIBLE_DEVICES": "1,-1,0"}, [1]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1,GPU-0"}, [1, 0]),
        ({"CUDA_VISIBLE_DEVICES": "0,7,1"}, [0]),
    ],
)
def test_visible_devices_are_read_as_cuda_reads_them(environ, indices):
    assert [gpu.index for gpu in visible_gpus(GPUS, environ)] == indices


def test_a_number_without_an_order_is_not_guessed():
    """CUDA's GPU 0 is the fastest one; unguarded, the joules of another one would be charged."""
    mixed = [a_gpu(0, name="slow"), a_gpu(1, name="fast")]
    for ask in (None, list):
        with pytest.raises(ConfigError, match="CUDA_DEVICE_ORDER=PCI_BUS_ID"):
            visible_gpus(mixed, {"CUDA_VISIBLE_DEVICES": "0"}, ask)
    assert len(visible_gpus(mixed, {})) == 2


@pytest.mark.parametrize("text", ["1,1", "GPU-1,GPU-1"])
def test_a_gpu_that_is_named_twice_hides_all_as_it_does_from_cuda(text):
    with pytest.raises(ConfigError, match="names a GPU twice, so CUDA shows no GPU"):
        visible_gpus(GPUS, {"CUDA_VISIBLE_DEVICES": text})


@pytest.mark.parametrize("text", ["7", "GPU-9", "MIG-unknown"])
def test_a_device_that_does_not_exist_is_named(text):
    with pytest.raises(ConfigError, match=text):
        visible_gpus(GPUS, {"CUDA_VISIBLE_DEVICES": text})


def test_a_mig_instance_leads_to_its_gpu():
    found = visible_gpus(GPUS, {"CUDA_VISIBLE_DEVICES": "MIG-x"}, mig_parent={"MIG-x": "GPU-2"}.get)
    assert [gpu.index for gpu in found] == [2]
    two_of_one = {"MIG-x": "GPU-2", "MIG-y": "GPU-2"}.get
    assert len(visible_gpus(GPUS, {"CUDA_VISIBLE_DEVICES": "MIG-x,MIG-y"}, mig_parent=two_of_one)) == 1


def test_gpus_of_different_kinds_are_ordered_by_cuda_itself():
    mixed = [a_gpu(0, name="slow"), a_gpu(1, name="fast")]
    asked = {"ask_cuda": lambda: ["GPU-1", "GPU-0"]}
    assert [gpu.index for gpu in visible_gpus(mixed, {}, **asked)] == [1, 0]
    assert [gpu.index for gpu in visible_gpus(mixed, {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, **asked)] == [0, 1]
    assert [gpu.index for gpu in visible_gpus(mixed, {"CUDA_VISIBLE_DEVICES": "GPU-0"}, **asked)] == [0]


def devices(environ=None, how_many=None, **options):
    return open_devices(FakeClock(), environ or {}, how_many, open_door=lambda: GpuDoor(FakeNvml(**options)))


def test_an_experiment_opens_the_gpus_it_uses_and_no_more():
    with devices(gpus=3, how_many=1) as context:
        assert [gpu.uuid for gpu in context.gpus] == ["GPU-0aaa"]
        assert context.sampler is not None
    with devices(gpus=3) as context:
        assert len(context.gpus) == 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (dict(how_many=0), "uses no GPU"),
        (dict(failures={"nvmlInit": NO_LIBRARY}), "NVML: "),
        (dict(failures={"nvmlInit": NO_PERMISSION}), "no permission"),
        (dict(failures={"nvmlInit": MISMATCH}), "reboot"),
        (dict(environ={"CUDA_VISIBLE_DEVICES": ""}), "hides every GPU"),
        (dict(environ={"CUDA_VISIBLE_DEVICES": "9"}), "'9'"),
    ],
)
def test_a_machine_without_a_usable_gpu_has_the_reason(options, reason):
    with devices(**options) as context:
        assert context.gpus == ()
        assert reason in context.no_gpu_reason
        assert gpu_infos(context) == ()
        assert driver_version(context) is None
        assert nvml.probe(context) == context.no_gpu_reason


def test_the_nvml_probe_asks_each_gpu():
    with devices() as context:
        assert nvml.probe(context) is None
    with devices(failures={"nvmlDeviceGetTotalEnergyConsumption": NOT_SUPPORTED}) as context:
        assert nvml.probe(context) is None
    with devices(failures={"nvmlDeviceGetTotalEnergyConsumption": LOST, "nvmlDeviceGetFieldValues": LOST}) as context:
        assert "lost" in (nvml.probe(context) or "")


def test_the_zeus_probe_asks_each_gpu_for_its_counter():
    pytest.importorskip("zeus")
    with devices(failures={"nvmlDeviceGetTotalEnergyConsumption": NOT_SUPPORTED}) as context:
        assert "has no energy counter" in (zeus.probe(context) or "")
    with devices(failures={"nvmlDeviceGetTotalEnergyConsumption": LOST, "nvmlDeviceGetFieldValues": LOST}) as context:
        assert "lost" in (zeus.probe(context) or "")


def test_codecarbon_without_nvidia_smi_ignores_the_gpus_and_is_not_taken(monkeypatch, tmp_path):
    pytest.importorskip("codecarbon")
    monkeypatch.setenv("PATH", str(tmp_path))
    with devices() as context:
        assert "nvidia-smi is not on the PATH" in (codecarbon.probe(context) or "")


def test_the_door_uses_the_names_that_pynvml_has():
    opened, gpu = door()
    opened.power(gpu)
    opened.conditions(gpu)
    opened.processes(gpu)
    opened.mig_parent("MIG-x")
    opened.info(gpu)
    opened.driver_version()
    opened.close()
    assert [name for name in opened._nvml.calls if not hasattr(pynvml, name)] == []


def test_a_door_that_was_abandoned_is_never_shut():
    """A call hangs in the library: shutting it down could hang as well."""
    opened, _ = door()
    opened.abandon()
    opened.close()
    assert "nvmlShutdown" not in opened._nvml.calls
