"""Reasons why fields of a result are null, one sentence per field, made from the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.traffic.result import GROWING

Reason = Callable[[ResultData], str]

NO_SERVER = "the backend is no server, so no traffic was sent"
SEVERAL_RANKS = "several processes measured in parallel; their own values are in process_results"


def reasons_of(result: ResultData) -> dict[str, str]:
    """The reason for every field of the result that is None, by the name of the field."""
    return {name: reason(result) for name, reason in REASONS.items() if getattr(result, name) is None}


def _energy(result: ResultData) -> str:
    return result.energy.reason or "the meter gave no reading"


def _idle_power(result: ResultData) -> str:
    return result.baseline.reason or "idle power was not measured"


def _adjusted(result: ResultData) -> str:
    return _energy(result) if result.energy.energy_j is None else _idle_power(result)


def _per_token(result: ResultData) -> str:
    return _energy(result) if result.energy.energy_j is None else "no token was generated"


def _uncertainty(result: ResultData) -> str:
    if result.energy.energy_j is None:
        return _energy(result)
    return f"the meter {result.energy.meter} states no uncertainty for this reading"


def _per_device(result: ResultData) -> str:
    if result.energy.energy_j is None:
        return _energy(result)
    return f"the meter {result.energy.meter} reports only the sum of all devices"


def _host(result: ResultData) -> str:
    if result.energy.host is None:
        return f"the meter {result.energy.meter} does not measure GPUs alone, beside which the host is reported"
    return result.energy.host.reason or "the energy of the host was not measured"


def _with_host(result: ResultData) -> str:
    return _energy(result) if result.energy.energy_j is None else _host(result)


def _sensors(result: ResultData) -> str:
    if result.process_results is not None:
        return SEVERAL_RANKS
    if result.model_info.device == "cpu":
        return "the experiment ran on the CPU; GPUs are sampled when an experiment uses them"
    return f"no GPU was sampled: {result.meter.probes.get('nvml', 'NVML was not probed')}"


def _throttling(result: ResultData) -> str:
    return _sensors(result) if result.sampler is None else "the driver does not report throttle reasons"


def _foreign(result: ResultData) -> str:
    return _sensors(result) if result.sampler is None else "the driver does not list the processes on the GPU"


def _phases(result: ResultData) -> str:
    if result.process_results is not None:
        return SEVERAL_RANKS
    if result.traffic is not None:
        return "a server does not report when it was in prefill and when in decode"
    return "the backend does not report when each request had its first token"


def _phase_energy(result: ResultData) -> str:
    if result.energy.energy_j is None:
        return _energy(result)
    if result.phases is None:
        return _phases(result)
    return (
        f"there is no power over time: {_sensors(result)}"
        if result.sampler is None
        else "no phase is long enough for the sensor"
    )


def _architecture(result: ResultData) -> str:
    return f"the operations of {result.model_info.architecture or 'this model'} are not known"


def _exact_flops(result: ResultData) -> str:
    return _architecture(result) if result.flops_architecture is None else result.flops_architecture.notes


def _carbon(result: ResultData) -> str:
    if result.energy.energy_j is None:
        return _energy(result)
    return "no carbon intensity is set; set LLEM_CARBON_INTENSITY or measurement.carbon_intensity_gco2_kwh"


def _side_file(result: ResultData) -> str:
    return _sensors(result) if result.timeseries is None else "the time series is written when the result is saved"


def _whole_window(result: ResultData) -> str:
    if result.traffic is not None:
        return "traffic.window is total, so the window holds the whole traffic"
    return "there was no warm-up to exclude, so the window is the whole measurement"


def _scheduler(result: ResultData) -> str:
    if result.traffic is not None:
        return "the counters of a server's scheduler are not read"
    return "the backend has static batches, and no scheduler of requests"


def _limits(result: ResultData) -> str:
    return NO_SERVER if result.traffic is None else "the configuration sets no limits in `slo`"


def _per_request(result: ResultData) -> str:
    return _energy(result) if result.energy.energy_j is None else GROWING


def _requests(result: ResultData) -> str:
    return NO_SERVER if result.traffic is None else GROWING


def _good(result: ResultData) -> str:
    if result.slo is None:
        return _limits(result)
    return "no request kept the limits of `slo`" if result.slo.good == 0 else _per_request(result)


def _always(sentence: str) -> Reason:
    return lambda _result: sentence


REASONS: Mapping[str, Reason] = {
    "run_id": _always("the result is not of a study"),
    "energy_total_j": _energy,
    "energy_uncertainty_j": _uncertainty,
    "energy_method": _energy,
    "energy_per_device_j": _per_device,
    "host_energy_j": _host,
    "energy_with_host_j": _with_host,
    "energy_per_output_token": _per_token,
    "energy_per_request": _per_request,
    "energy_per_good_request": _good,
    "requests_per_second": _requests,
    "goodput": _limits,
    "traffic": _always(NO_SERVER),
    "server": _always(NO_SERVER),
    "energy_adjusted_j": _adjusted,
    "baseline_power_w": _idle_power,
    "phases": _phases,
    "phase_energy": _phase_energy,
    "latency": _always("no request was timed"),
    "timeline": _always(SEVERAL_RANKS),
    "flops_architecture": _architecture,
    "flops_exact": _exact_flops,
    "flops_total": lambda result: result.flops.notes,
    "peak_memory_mb": lambda result: f"the peak cannot be read: {result.memory.source}",
    "model_memory_mb": _always("the backend does not report the memory of the loaded model"),
    "compilation": _always("the backend does not report what it compiles"),
    "scheduler": _scheduler,
    "warmup": _always("warmup.enabled is false"),
    "steady_state_window": _whole_window,
    "window_utc": _always("the release that wrote the file did not record it"),
    "sampler": _sensors,
    "gpu_conditions": _sensors,
    "thermal_throttle": _throttling,
    "foreign_processes": _foreign,
    "co2": _carbon,
    "multi_gpu": _always("one device was used"),
    "process_results": _always("one process measured the experiment"),
    "timeseries_file": _side_file,
}
