"""The texts and numbers of a report, in the order of the page, without markup."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure._format import NOT_MEASURED, milliseconds, number, time_unit
from llenergymeasure.domain.measurements import Distribution, MemoryResult
from llenergymeasure.domain.metrics import LATENCIES, LEAST_FOR_P99, METRICS
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.summary import batching_text, number_format, spread_per_token_j
from llenergymeasure.domain.traffic.result import LIMITED
from llenergymeasure.domain.traffic.text import load_text
from llenergymeasure.results.report.experiment import served
from llenergymeasure.results.report.experiment.gpus import Gpus
from llenergymeasure.results.report.headline import Headline

Rows = Iterator[tuple[str, str]]
ABSENT = "-"
_MEMORY = {"devices": "of the devices", "process": "of the whole process"}


def subtitle(result: ExperimentResult) -> str:
    """The number format where it is known, the devices, the backend, and how prompts ran together or the load of a server."""
    devices = ", ".join(result.model_info.devices) or result.model_info.device
    where = " ".join(part for part in (number_format(result), "on", devices, "with", result.backend) if part)
    if result.traffic is not None:
        return f"{where}; requests {load_text(result.traffic)}"
    together = batching_text(result)
    return f"{where}; prompts {together}" if together else where


def headlines(result: ExperimentResult) -> Iterator[Headline]:
    """The numbers at the top of the page."""
    note, total = energy_note(result), METRICS["energy_total_j"]
    spread = _error_bar(spread_per_token_j(result), METRICS["energy_per_output_token"].unit)
    yield _headline("energy_per_output_token", result, spread, note)
    spread = _error_bar(result.energy_uncertainty_j, total.unit)
    yield Headline(f"{total.title} in the window", total.text(result), spread, note)
    yield _headline("energy_adjusted_j", result, "", _idle_note(result))
    yield _headline("tokens_per_second", result, "", "one window; repeats are needed for the spread")
    yield from served.headlines(result)
    for name in ("ttft", "itl", "request"):
        yield _latency_headline(LATENCIES[name], getattr(result.latency, name, None), name in limited_latencies(result))
    yield _headline("peak_memory_mb", result, "", _memory_note(result.memory))


def _headline(name: str, result: ExperimentResult, spread: str, note: str) -> Headline:
    return Headline(METRICS[name].title, METRICS[name].text(result), spread, note)


def _memory_note(memory: MemoryResult) -> str:
    if memory.peak_memory_mb is None or memory.scope is None:
        return memory.source
    return f"{_MEMORY[memory.scope]}, peak of the window"


def _error_bar(value: float | None, unit: str) -> str:
    return "" if value is None else f"± {number(value, unit, 2)}"


def energy_note(result: ExperimentResult) -> str:
    """How the energy was measured, as a short text."""
    if result.energy_total_j is None:
        return result.energy.reason or "no reason was given"
    if result.energy_method == "estimated":
        return f"an estimate by {result.energy.meter}, not a measurement: no error bar"
    if result.energy_method == "replayed":
        return "simulated: recorded joules were replayed"
    bar = "expanded uncertainty, k = 2" if result.energy_uncertainty_j is not None else "uncertainty unknown"
    return f"{result.energy.meter}, {result.energy_method}; {bar}"


def _idle_note(result: ExperimentResult) -> str:
    if result.energy_total_j is None:
        return energy_note(result)
    estimate = "an estimate; " if result.energy_method == "estimated" else ""
    if result.baseline_power_w is None:
        return f"idle power: {NOT_MEASURED} ({result.baseline.reason or 'no reason was given'})"
    kind = "estimated, " if result.baseline.method == "estimated" else ""
    return (
        f"{estimate}idle {number(result.baseline_power_w, 'W')}, {kind}{result.baseline.provenance}; "
        "without the uncertainty of idle power"
    )


def _latency_headline(name: str, values: Distribution | None, limited: bool) -> Headline:
    if values is None:
        return Headline(name, NOT_MEASURED, "", "steps of generation were not recorded")
    shown = {"p95": values.p95_ms, **({"p99": values.p99_ms} if limited or values.count >= LEAST_FOR_P99 else {})}
    median, *others = milliseconds((values.p50_ms, *shown.values()))
    high = ", ".join(f"{name} {text}" for name, text in zip(shown, others, strict=True))
    return Headline(name, median, high, f"median of {values.count} samples")


def banner(result: ExperimentResult) -> str:
    """The most important restrictions of the result, for the top of the page."""
    sentences = []
    if result.energy_total_j is None:
        sentences.append("Energy was not measured.")
    elif not result.energy.is_measured:
        sentences.append(f"Energy is {result.energy_method}, not measured.")
    if result.model_info.random_weights:
        sentences.append("The weights are random, so the generated text has no meaning.")
    return " ".join(sentences)


def work(result: ExperimentResult) -> Rows:
    """The work of the window."""
    tokens, traffic = result.tokens, result.traffic
    if traffic is None:
        yield "prompts", f"{tokens.n_prompts} {batching_text(result)}".rstrip()
    else:
        yield "requests", f"{tokens.n_prompts} answered, {load_text(traffic)}"
    if traffic is None or tokens.n_passes > 1:
        yield "passes over the prompts" if traffic is None else "stretches of n requests", str(tokens.n_passes)
    yield METRICS["duration_sec"].title, METRICS["duration_sec"].text(result, figures=4)
    executed = tokens.input_tokens_padded
    if traffic is None:
        padded = "not padded" if executed is None else f"{executed} with padding"
        yield "input tokens", f"{tokens.input_tokens} ({padded})"
        yield "output tokens", f"{tokens.output_tokens} of {tokens.output_tokens_requested} requested"
    else:
        yield "input tokens", f"{tokens.input_tokens} of requests whose first token came in the window"
        yield "output tokens", f"{tokens.output_tokens} in the window, of whichever request"
    yield (
        f"{'prompts' if traffic is None else 'requests'} that ended early",
        number(100 * tokens.ended_early_share, "%"),
    )
    yield "prompts cut to the input limit", str(tokens.truncated_prompts)
    if result.phases is not None:
        phases = result.phases
        shares = f"{number(phases.prefill_sec, 's')} prefill, {number(phases.decode_sec, 's')} decode"
        between = "in neither" if executed is None else "between batches"
        yield "time", f"{shares}, {number(phases.other_sec, 's')} {between}"
    yield f"{METRICS['flops_total'].title}, 2 x N x tokens", METRICS["flops_total"].text(result)
    yield METRICS["flops_exact"].title, METRICS["flops_exact"].text(result)
    yield METRICS["cpu_seconds"].title, METRICS["cpu_seconds"].text(result)
    if result.co2 is not None:
        carbon = f"{result.co2.carbon_intensity_gco2_kwh:g} gCO2/kWh, PUE {result.co2.datacenter_pue:g}"
        estimate = ", from an estimate of the energy" if result.energy_method == "estimated" else ""
        yield "carbon", f"{number(result.co2.gco2, 'gCO2')} at {carbon}{estimate}"


def conditions(result: ExperimentResult) -> Iterator[tuple[str, ...]]:
    """Per GPU: temperature and clock of the window."""
    gpus = Gpus(result)
    for gpu in result.gpu_conditions or ():
        yield (
            gpus.named(gpu.gpu_index),
            number(gpu.temperature_start_c, "°C"),
            number(gpu.temperature_end_c, "°C"),
            number(gpu.temperature_max_c, "°C"),
            number(gpu.clock_min_mhz, "MHz", 4),
            number(gpu.clock_mean_mhz, "MHz", 4),
            number(gpu.clock_max_mhz, "MHz", 4),
        )


def throttling(result: ExperimentResult) -> str:
    """Whether clocks were throttled, and for how long."""
    seen = result.thermal_throttle
    if seen is None:
        return f"not known ({result.reasons['thermal_throttle']})"
    if not seen.detected:
        return "none observed"
    kinds = [name for name in ("sw_thermal", "hw_thermal", "hw_power", "power") if getattr(seen, name)]
    return f"{number(seen.throttle_duration_sec, 's')} of the window ({', '.join(kinds).replace('_', ' ')})"


def why_no_trace(result: ExperimentResult) -> str:
    """Why there is no power over time."""
    if result.process_results is not None:
        return "results of several processes are combined without their traces"
    if result.timeseries_file is not None:
        return f"the time-series file {result.timeseries_file} was not in the folder of the result"
    return result.meter.probes.get("nvml", "no GPU sensor was read in this run")


def why_no_phase_energy(result: ExperimentResult) -> str:
    """Why prefill and decode are not separated; empty when they are."""
    split = result.phase_energy
    if split is None:
        return result.reasons["phase_energy"]
    return "" if split.prefill_j is not None else split.reason or "no reason was given"


LATENCY_HEAD = ("latency", "samples", "mean", "std", "min", "median", "p90", "p95", "p99", "max")


def latency_caption(result: ExperimentResult) -> str:
    """From when to when a latency is, and of which requests."""
    begin = "the start of the work on it, or on its batch," if result.traffic is None else "its sending"
    limited = " and where a limit is set for it" if limited_latencies(result) else ""
    of = "" if result.traffic is None else " The requests are those that were sent in the window and answered."
    return (
        f"The latency of a request is the time from {begin} to its last token.{of} "
        f"Percentiles are of all samples; p99 is shown from {LEAST_FOR_P99} samples on{limited}."
    )


def limited_latencies(result: ExperimentResult) -> frozenset[str]:
    """The latencies whose p99 has a limit."""
    slo = None if result.traffic is None else result.traffic.slo
    return frozenset(latency for name, latency in LIMITED.items() if getattr(slo, name, None) is not None)


_ROWS = {"request": "request", "ttft": "time to first token", "itl": "inter-token"}


def latencies(result: ExperimentResult) -> Iterator[tuple[str, ...]]:
    """The rows of the latency table; empty without latencies."""
    for name, title in _ROWS.items():
        values = getattr(result.latency, name, None)
        if values is not None:
            unit, divisor = time_unit(values.max_ms)
            limited = name in limited_latencies(result)
            yield f"{title}, {unit}", str(values.count), *percentiles(values, divisor, limited)


def percentiles(values: Distribution, divisor: float, limited: bool) -> Iterator[str]:
    """The numbers of a latency; p99 from 100 samples on, because of fewer it is between the two largest, or with a limit."""
    p99_ms = values.p99_ms if limited or values.count >= LEAST_FOR_P99 else None
    figures_ms = (values.mean_ms, values.std_ms, values.min_ms, values.p50_ms, values.p90_ms, values.p95_ms, p99_ms)
    for each_ms in (*figures_ms, values.max_ms):
        yield ABSENT if each_ms is None else number(each_ms / divisor, "")
