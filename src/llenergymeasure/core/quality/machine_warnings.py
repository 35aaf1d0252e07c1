"""Warnings about the machine in the window: other load, GPU settings, temperature, throttling and sampler gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from llenergymeasure.core.multi_gpu import used_gpus
from llenergymeasure.core.quality.aliasing import aliasing
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.measurements import HostResult
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import MeasurementWarning, warning

MAX_DRIFT_C = 10.0
# A tenth of the CPUs is more than an idle desktop uses, and enough to change a CPU measurement.
MAX_OTHER_CPU_SHARE = 0.10
MAX_STEAL_SHARE = 0.02

Warnings = Iterator[MeasurementWarning]


def temperature_drifts_c(draft: ExperimentResult) -> tuple[float | None, ...]:
    """Change of temperature in C over the window, per sampled GPU; None where it was not read."""
    return tuple(gpu.drift_c for gpu in draft.gpu_conditions or ())


def _machine(draft: ExperimentResult) -> Warnings:
    other, steal = draft.host.other_cpu_share, draft.host.cpu_steal_share
    if draft.energy.is_shared:
        yield from _shared_cpu(draft.host)
    elif other is not None and other > MAX_OTHER_CPU_SHARE:
        yield warning(
            "busy_machine",
            f"other processes used {100 * other:.3g} % of the CPUs in the window, above {100 * MAX_OTHER_CPU_SHARE:g} %",
            "stop them and measure again",
            other_cpu_share=other,
            most=MAX_OTHER_CPU_SHARE,
        )
    if steal is not None and steal > MAX_STEAL_SHARE:
        yield warning(
            "cpu_steal",
            f"the hypervisor took {100 * steal:.3g} % of the CPU time, above {100 * MAX_STEAL_SHARE:g} %",
            "use a machine without other tenants",
            cpu_steal_share=steal,
            most=MAX_STEAL_SHARE,
        )


def _shared_cpu(host: HostResult) -> Warnings:
    """The counters of CPUs cannot separate processes; the work of others is known from their CPU time only."""
    other_s, own_s, share = host.other_cpu_seconds, host.cpu_seconds, host.other_share_of_used
    if share is not None and share > MAX_OTHER_CPU_SHARE:
        yield warning(
            "cpu_shared",
            f"other processes used {other_s:.3g} s of CPU time beside the {own_s:.3g} s of the experiment, "
            f"{100 * share:.3g} % of both, above {100 * MAX_OTHER_CPU_SHARE:g} %; their energy is in the total",
            "stop them and measure again",
            other_cpu_seconds=other_s,
            cpu_seconds=own_s,
            share=share,
            most=MAX_OTHER_CPU_SHARE,
        )


def _gpu_not_metered(draft: ExperimentResult) -> Warnings:
    device = draft.model_info.device
    if draft.energy.is_of_cpus and device != "cpu":
        ran = "it is not known where the model ran" if device == "unknown" else f"the model ran on {device}"
        yield warning(
            "gpu_not_metered",
            f"{ran}, but the energy is that of the CPUs alone",
            "choose a meter of the GPU: energy.backend: nvml",
        )


def _spread(draft: ExperimentResult) -> Warnings:
    """The GPUs that a device map or a server uses are known only after the idle baseline, when the model is loaded."""
    server, metered = draft.server, len(draft.energy.per_device_j or ())
    used = len(used_gpus(draft.model_info) if server is None else server.gpus)
    if 0 < used < metered and not draft.energy.is_of_cpus:
        yield warning(
            "idle_gpus_metered",
            f"the model is on {used} GPUs, but energy and idle power are those of all {metered} visible GPUs",
            "set CUDA_VISIBLE_DEVICES to the GPUs that are used"
            if server is None
            else "name the GPUs that are used in server.gpus",
            used=used,
            metered=metered,
        )


def _gpus_of_server(draft: ExperimentResult) -> Warnings:
    metered, used = draft.energy.per_device_j or {}, () if draft.server is None else draft.server.gpus
    missing = [uuid for uuid in used if uuid not in metered]
    if missing and (metered or draft.energy.is_of_cpus):
        yield warning(
            "server_gpus_not_metered",
            f"the server uses {len(used)} GPUs, but the energy of {len(missing)} of them is not measured: {', '.join(missing)}",
            "name all of its GPUs in server.gpus",
            used=len(used),
            not_metered=len(missing),
        )


def _no_gpu_of_server(draft: ExperimentResult) -> Warnings:
    """A server that is started is seen only after the GPUs are opened; one that runs may be a gateway in front of others."""
    server, gpus, energy = draft.server, draft.environment_snapshot.gpus, draft.energy
    is_on_cpu = server is not None and draft.model_info.device == "cpu" and not server.gpus
    is_of_gpus = bool(gpus) and energy.energy_j is not None and not energy.is_of_cpus
    if is_on_cpu and is_of_gpus and draft.config.server_settings.gpus is None:
        yield warning(
            "server_uses_no_gpu",
            f"no process of the server used a GPU, but the energy is that of {len(gpus)} GPU{'s' * (len(gpus) > 1)} alone",
            "set CUDA_VISIBLE_DEVICES to an empty value to measure the CPUs; if another program computes for the server on a GPU, "
            "name that in server.gpus",
            gpus=len(gpus),
        )


def _gpus(draft: ExperimentResult) -> Warnings:
    for gpu in draft.environment_snapshot.gpus:
        yield from _gpu(gpu)


def _gpu(gpu: GpuInfo) -> Warnings:
    named = f"GPU {gpu.index} ({gpu.name})"
    if gpu.persistence_mode is False:
        yield warning(
            "gpu_persistence_mode_off", f"{named} has persistence mode off", "run: sudo nvidia-smi -pm 1", gpu=gpu.index
        )
    if gpu.ecc_enabled is False:
        yield warning(
            "ecc_disabled",
            f"{named} has ECC off, which changes the power of its memory",
            "report it when you publish",
            gpu=gpu.index,
        )
    if gpu.mig_enabled:
        yield warning(
            "mig_parent_power",
            f"{named} has MIG on: power and energy are those of the whole GPU, shared by its instances",
            "measure on a GPU without MIG",
            gpu=gpu.index,
        )


def _temperature(draft: ExperimentResult) -> Warnings:
    known = [drift_c for drift_c in temperature_drifts_c(draft) if drift_c is not None]
    drift_c = max(known, key=abs, default=0.0)
    if abs(drift_c) > MAX_DRIFT_C:
        yield warning(
            "thermal_drift_detected",
            f"temperature changed by {drift_c:+.3g} C in the window, above {MAX_DRIFT_C:g} C",
            "use a longer warm-up: raise warmup.n_warmup",
            drift_c=drift_c,
            most_c=MAX_DRIFT_C,
        )


def _throttling(draft: ExperimentResult) -> Warnings:
    seen = draft.thermal_throttle
    if seen is not None and seen.detected:
        yield warning(
            "throttling_detected",
            f"clocks were throttled for {seen.throttle_duration_sec:.3g} s of the window",
            "improve cooling or raise the power limit",
            throttle_duration_sec=seen.throttle_duration_sec,
        )


def _foreign_processes(draft: ExperimentResult) -> Warnings:
    others = draft.foreign_processes
    if others:
        yield warning(
            "foreign_process",
            f"{len(others)} other processes used the GPU: {', '.join(others)}",
            "stop them",
            processes=len(others),
        )


def _sampling(draft: ExperimentResult) -> Warnings:
    sampler = draft.sampler
    if sampler is not None and sampler.gaps:
        longest_s = sampler.longest_gap_s or 0.0
        why = f": {'; '.join(sampler.problems)}" if sampler.problems else ""
        yield warning(
            "sampling_gap",
            f"the sampler had {sampler.gaps} gap{'s' if sampler.gaps > 1 else ''}, the longest of {longest_s:.3g} s{why}",
            "" if why else "lower the load on the host",
            gaps=sampler.gaps,
            longest_gap_s=longest_s,
        )


MACHINE_CHECKS: tuple[Callable[[ExperimentResult], Warnings], ...] = (
    _machine, _gpu_not_metered, _spread, _gpus_of_server, _no_gpu_of_server, _gpus, _temperature, _throttling,
    _foreign_processes, _sampling, aliasing,
)  # fmt: skip
