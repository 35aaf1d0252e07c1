"""Rows of a report about meter, model, settings and machine, which are needed to repeat a measurement; no markup."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure._format import NOT_MEASURED, number
from llenergymeasure.config.messages.fields import PRECISION_OF_SERVER, flat, shown
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.results import ExperimentResult

Rows = Iterator[tuple[str, str]]


def how_measured(result: ExperimentResult) -> Rows:
    """How the energy was measured: meter, probes, method, uncertainty and conditions."""
    energy, baseline = result.energy, result.baseline
    yield "meter", f"{result.meter.name}: {result.meter.reason}"
    for name, outcome in result.meter.probes.items():
        yield f"probe of {name}", outcome
    yield "method", energy.method or f"{NOT_MEASURED} ({energy.reason or 'no reason was given'})"
    estimated = energy.method == "estimated"
    yield f"{'readings of the estimate' if estimated else 'sensor updates'} in the window", str(energy.n_readings)
    yield "update period", number(energy.update_period_s, "s")
    yield "uncertainty (k = 2)", number(energy.uncertainty_j, "J", 2)
    for name, joules in energy.uncertainty_parts_j.items():
        yield f"of it {name}", number(joules, "J", 2)
    yield "cross-check", number(energy.crosscheck_j, "J")
    yield "idle power", f"{number(baseline.power_w, 'W')} ({_baseline_text(result)})"
    yield "warm-up", _warmup_text(result)
    work = "only generation from tokenised prompts" if result.traffic is None else "requests to a server"
    yield "method of the window", f"{result.measurement_methodology}: {work}"
    if result.sampler is not None:
        report = result.sampler
        yield "sampler", f"{report.n_samples} samples every {number(report.interval_s, 's')}, {report.gaps} gaps"
    yield "accuracy", result.reproducibility_notes


def _baseline_text(result: ExperimentResult) -> str:
    baseline = result.baseline
    if baseline.power_w is None:
        return baseline.reason or "no reason was given"
    age = f", {number(baseline.age_sec, 's')} old" if baseline.age_sec else ""
    return f"{baseline.provenance}{age}, over {number(baseline.duration_sec, 's')}, {baseline.when}"


def _warmup_text(result: ExperimentResult) -> str:
    warmup = result.warmup
    if warmup is None:
        return "off"
    steady = {None: "", True: ", latency steady", False: ", latency not steady"}[warmup.converged]
    waited = number(warmup.thermal_floor_wait_s, "s")
    return (
        f"{warmup.iterations_completed} iterations in {number(warmup.duration_sec, 's')}{steady}, then {waited} of idle"
    )


def model_rows(result: ExperimentResult) -> Rows:
    """The loaded model and the prompts."""
    info, dataset = result.model_info, result.dataset
    yield "model", info.name
    yield "revision", info.revision or "not known"
    yield "architecture", info.architecture or "not reported by the backend"
    yield "parameters", "not known" if info.n_parameters is None else f"{info.n_parameters:,}"
    served = result.server is not None
    yield "number format", info.dtype or (PRECISION_OF_SERVER if served else "not reported by the backend")
    yield "quantisation", info.quantization or (PRECISION_OF_SERVER if served else "none")
    yield "attention", info.attn_implementation or "not reported by the backend"
    yield "devices", ", ".join(info.devices) or info.device
    if result.multi_gpu is not None:
        count = f", {len(result.process_results)} processes" if result.process_results else ""
        yield "several devices", result.multi_gpu.strategy.replace("_", " ") + count
    yield "memory of the model", number(info.memory_mb, "MB")
    yield "prompts", f"{dataset.name}, {dataset.n_used} of {dataset.n_available}"
    yield "hash of the prompts", dataset.sha256 or "none"
    for note in (*info.notes, *([dataset.note] if dataset.note else [])):
        yield "note", note


def settings(config: ExperimentConfig) -> Iterator[tuple[str, str, bool]]:
    """Every field by its dotted name, and whether it differs from its default."""
    default = dict(flat(ExperimentConfig(model=config.model).model_dump(mode="json")))
    for name, value in flat(config.model_dump(mode="json")):
        if value is not None or default.get(name) is not None:
            unknown = name == "precision" and config.backend == "server"
            yield name, PRECISION_OF_SERVER if unknown else shown(value), value != default.get(name)


def machine(result: ExperimentResult) -> Rows:
    """The known parts of the environment."""
    seen = result.environment_snapshot
    yield "operating system", seen.os
    yield "Python", seen.python
    yield "CPU", f"{seen.cpu_model or 'not reported'}, {seen.cpu_count_physical or '?'} cores"
    yield "memory", number(seen.ram_total_mb, "MB", 5)
    for gpu in seen.gpus:
        yield f"GPU {gpu.index}", ", ".join(_gpu(gpu))
    if not seen.gpus:
        yield "GPUs", "none that this process may use"
    yield "driver", seen.driver_version or "none"
    yield "CUDA", f"{seen.cuda_version} ({seen.cuda_version_source})" if seen.cuda_version else "none"
    yield "container", seen.container or "none"
    yield "runner", seen.runner
    if seen.image:
        yield "image", seen.image
    yield "CPU governor", seen.cpu_governor or "not reported"
    yield "threads", str(result.host.threads or "not reported")
    if result.host.other_cpu_share is not None:
        yield "CPU used by other processes", number(100 * result.host.other_cpu_share, "%")
    if seen.git_commit:
        yield "git commit", seen.git_commit + (" with changes" if seen.git_dirty else "")


def uuids(result: ExperimentResult) -> Rows:
    """The UUID of each GPU."""
    for gpu in result.environment_snapshot.gpus:
        yield f"GPU {gpu.index}", gpu.uuid


def _gpu(gpu: GpuInfo) -> Iterator[str]:
    yield gpu.name
    yield number(gpu.vram_mb, "MB", 6)
    yield f"power limit {number(gpu.power_limit_w, 'W', 4)} (default {number(gpu.power_limit_default_w, 'W', 4)})"
    for name, state in (("persistence", gpu.persistence_mode), ("ECC", gpu.ecc_enabled), ("MIG", gpu.mig_enabled)):
        yield f"{name} {'not reported' if state is None else 'on' if state else 'off'}"
