"""A result in plain text, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure.domain.measurements import Distribution, PhaseEnergy
from llenergymeasure.domain.results import ExperimentResult

NOT_MEASURED = "not measured"


def number(value: float | None, unit: str, figures: int = 3) -> str:
    """A value with its unit and so many significant figures; `not measured` for None."""
    if value is None:
        return NOT_MEASURED
    if value == 0:
        return f"0 {unit}".strip()
    text = f"{value:.{figures}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e6:
        text = f"{float(text):.0f}"
    return f"{text} {unit}".strip()


def giga(operations: int | None) -> str:
    """Operations in GFLOP or PFLOP; `not known` for None."""
    if operations is None:
        return "not known"
    return number(operations / 1e15, "PFLOP") if operations >= 1e15 else number(operations / 1e9, "GFLOP")


def summarise(result: ExperimentResult) -> str:
    """The result in plain text: what ran, the numbers, then every warning."""
    rows = [*_what(result), *_energy(result), *_speed(result), *_size(result)]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}".rstrip() for name, value in rows]
    return "\n".join([*lines, *_publication(result), *_warnings(result)])


Rows = Iterator[tuple[str, str]]


def _what(result: ExperimentResult) -> Rows:
    info, tokens = result.model_info, result.tokens
    yield (
        "model",
        f"{result.config.model} ({', '.join([*_kernels(result), result.backend, _device(result)])})",
    )
    yield (
        "work",
        (
            f"{tokens.n_prompts} prompts in {_order(result)}batches of {info.batch_size}: {tokens.input_tokens} input and "
            f"{tokens.output_tokens} output tokens in {number(result.duration_sec, 's')}"
        ),
    )


def _kernels(result: ExperimentResult) -> Iterator[str]:
    """What two results of one model may differ in: number format and attention."""
    info = result.model_info
    yield info.dtype or result.config.precision
    if info.attn_implementation is not None:
        yield f"{info.attn_implementation} attention"


def _order(result: ExperimentResult) -> str:
    return "dynamic " if result.config.pytorch_settings.effective_batching_strategy == "dynamic" else ""


def _device(result: ExperimentResult) -> str:
    gpus = result.environment_snapshot.gpus
    if result.model_info.device == "cpu" or not gpus:
        return result.model_info.device
    return f"{len(result.model_info.devices)} x {gpus[0].name}"


def _energy(result: ExperimentResult) -> Rows:
    if result.energy_total_j is None:
        yield "energy", f"{NOT_MEASURED} ({result.energy.reason})"
        return
    spread = "" if result.energy_uncertainty_j is None else f" +- {number(result.energy_uncertainty_j, 'J', 2)}"
    yield "energy", f"{number(result.energy_total_j, 'J')}{spread}, {_how(result)}"
    yield "energy per output token", energy_per_token(result)
    if result.baseline_power_w is None:
        yield "energy above idle", f"{NOT_MEASURED} ({result.baseline.reason})"
    else:
        kind = "estimated, " if result.baseline.method == "estimated" else ""
        baseline = f"idle {number(result.baseline_power_w, 'W')}, {kind}{result.baseline.provenance}"
        yield "energy above idle", f"{number(result.energy_adjusted_j, 'J')} ({baseline})"
    for domain in result.energy.domains:
        role = "" if domain.included else ", not in the total"
        yield f"  {domain.name}", f"{number(domain.energy_j, 'J')} {domain.provenance}{role}"
    yield from _phases(result.phase_energy)
    if result.co2 is not None:
        yield "carbon", f"{number(result.co2.gco2, 'gCO2')} at {result.co2.carbon_intensity_gco2_kwh:g} gCO2/kWh"


def energy_per_token(result: ExperimentResult) -> str:
    """Joules per output token with the error bar of the window's energy, or the word estimate."""
    value, spread_j = result.energy_per_output_token, result.energy_uncertainty_j
    text = number(value, "J/token")
    if value is None:
        return text
    if result.energy_method == "estimated":
        return f"{text}, an estimate"
    return text if spread_j is None else f"{text} +- {number(spread_j / result.output_tokens, 'J/token', 2)}"


def _phases(split: PhaseEnergy | None) -> Rows:
    if split is None:
        return
    if split.prefill_j is None:
        yield "  prefill, decode", f"not told apart ({split.reason})"
        return
    spread = f"+- {number(split.uncertainty_j, 'J', 2)}"
    yield "  prefill", f"{number(split.prefill_j, 'J')} {spread}"
    yield "  decode", f"{number(split.decode_j, 'J')} {spread}"


def _how(result: ExperimentResult) -> str:
    if result.energy_method == "estimated":
        return f"an estimate by {result.energy.meter}, not a measurement"
    if result.energy_method == "replayed":
        return "simulated"
    return f"{result.energy.meter} ({result.energy_method})"


def _speed(result: ExperimentResult) -> Rows:
    yield "throughput", number(result.tokens_per_second, "tokens/s")
    latency = result.latency
    if latency is None:
        return
    yield "request latency", _percentiles(latency.request)
    if latency.ttft is not None:
        yield "time to first token", _percentiles(latency.ttft)
    if latency.itl is not None:
        yield "inter-token latency", _percentiles(latency.itl)


def _percentiles(values: Distribution) -> str:
    return f"{number(values.p50_ms, 'ms')} median, {number(values.p95_ms, 'ms')} p95 ({values.count} samples)"


def _size(result: ExperimentResult) -> Rows:
    yield "CPU time", number(result.cpu_seconds, "s")
    whole = " of the whole process" if result.memory.source.startswith("process_rss") else ""
    yield "peak memory", f"{number(result.peak_memory_mb, 'MB')}{whole} (model {number(result.model_memory_mb, 'MB')})"
    exact = "" if result.flops_exact is None else f" ({giga(result.flops_exact)} from the architecture)"
    yield "FLOPs", f"{giga(result.flops_total)}{exact}"
    yield "config hash", result.measurement_config_hash


def _publication(result: ExperimentResult) -> Iterator[str]:
    check = result.publication_check
    total = len(check.passed) + len(check.failed)
    yield f"\nready to publish: {len(check.passed)} of {total} rules kept" + (
        f"; broken: {', '.join(rule.split(':')[0] for rule in check.failed)}" if check.failed else ""
    )


def _warnings(result: ExperimentResult) -> Iterator[str]:
    if result.measurement_warnings:
        yield "\nwarnings"
        yield from (f"- {warning}" for warning in result.measurement_warnings)
