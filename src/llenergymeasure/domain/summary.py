"""Formats a result as plain text, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from llenergymeasure._format import NOT_MEASURED, number, one_line
from llenergymeasure.domain.energy import JOULES_PER_KWH, PhaseEnergy
from llenergymeasure.domain.measurements import TokenCounts
from llenergymeasure.domain.metrics import LATENCIES, METRICS
from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.traffic.text import (
    client_rows,
    load_text,
    percentiles_text,
    processes_text,
    server_text,
    traffic_rows,
)
from llenergymeasure.domain.warnings import MeasurementWarning, RuleOutcome, RuleState

JOULES_PER_WH = JOULES_PER_KWH / 1000
SHOWN_STATES: tuple[RuleState, ...] = ("failed", "not_observed", "not_applicable")


HEADLINE = METRICS["energy_per_output_token"]


def summarise(result: ResultData, emphasis: Callable[[str], str] = str) -> str:
    """The result as plain text: the experiment, the numbers, the publication rules, then every warning.

    Args:
        result: the result.
        emphasis: marks the line of the headline, such as in bold.
    """
    rows = [*_what(result), *_energy(result), *_speed(result), *_size(result)]
    width = max(len(name) for name, _ in rows)
    lines = [(name, one_line(f"{name:<{width}}  {value}".rstrip())) for name, value in rows]
    table = [emphasis(line) if name == HEADLINE.title else line for name, line in lines]
    return "\n".join([*table, *_publication(result), *_warnings(result)])


Rows = Iterator[tuple[str, str]]


def _what(result: ResultData) -> Rows:
    tokens, work = result.tokens, _work(result)
    yield (
        "model",
        f"{result.config.model} ({', '.join([*_kernels(result), result.backend, _device(result)])})",
    )
    if result.server is not None:
        yield "server", server_text(result.server)
        processes = processes_text(result.server)
        if processes is not None:
            yield "its processes", processes
    yield (
        "work",
        (
            f"{work}: {tokens.input_tokens} input and "
            f"{tokens.output_tokens} output tokens in {number(result.duration_sec, 's')}"
        ),
    )


def _work(result: ResultData) -> str:
    if result.traffic is not None:
        return f"{result.traffic.answered} requests {load_text(result.traffic)}"
    return f"{_prompts(result.tokens)} {batching_text(result)}".rstrip()


def _prompts(tokens: TokenCounts) -> str:
    if tokens.n_passes == 1:
        return f"{tokens.n_prompts} prompts"
    return f"{tokens.n_prompts} prompts ({tokens.n_passes} passes over {tokens.n_prompts // tokens.n_passes})"


def number_format(result: ResultData) -> str | None:
    """The format of the model's numbers; None for a server, which has a format of its own and does not report it."""
    return result.model_info.dtype or (None if result.traffic is not None else result.config.precision)


def _kernels(result: ResultData) -> Iterator[str]:
    """Number format and attention kernel."""
    info, precision = result.model_info, number_format(result)
    if precision is not None:
        yield precision
    if info.attn_implementation is not None:
        yield f"{info.attn_implementation} attention"


def batching_text(result: ResultData) -> str:
    """How prompts ran together: in batches of a size, or as many at a time as a scheduler takes; empty when not known."""
    info = result.model_info
    if info.max_num_seqs is not None:
        return f"with at most {info.max_num_seqs} at the same time"
    if info.batch_size is None:
        return ""
    dynamic = "dynamic " if result.config.pytorch_settings.batching_strategy == "dynamic" else ""
    return f"in {dynamic}batches of {info.batch_size}"


def _device(result: ResultData) -> str:
    gpus = result.environment_snapshot.gpus
    if result.model_info.device == "cpu" or not gpus:
        return result.model_info.device
    return f"{len(result.model_info.devices)} x {gpus[0].name}"


def _energy(result: ResultData) -> Rows:
    total, above_idle = METRICS["energy_total_j"], METRICS["energy_adjusted_j"]
    if result.energy_total_j is None:
        yield total.title, f"{NOT_MEASURED} ({result.energy.reason})"
        return
    total_j, seconds = result.energy_total_j, result.duration_sec
    wh = number(total_j / JOULES_PER_WH, "Wh")
    yield total.title, f"{_per(1, total.unit, result)} ({wh}), {_how(result)}"
    yield HEADLINE.title, energy_per_token(result)
    per_request = METRICS["energy_per_request"]
    if result.energy_per_request is not None:
        yield per_request.title, _marked(_per(result.n_prompts, per_request.unit, result), result)
    if result.slo is not None and result.energy_per_good_request is not None:
        per_good = METRICS["energy_per_good_request"]
        yield per_good.title, _marked(_per(result.slo.good, per_good.unit, result), result)
    yield "mean power", _marked(_per(seconds, "W", result), result)
    yield above_idle.title, f"{_above_idle(result)} ({_idle(result)})"
    for domain in result.energy.domains:
        role = "" if domain.included else ", not in the total"
        yield f"  {domain.name}", f"{number(domain.energy_j, 'J')} {domain.provenance}{role}"
    yield from _host(result)
    yield from _phases(result.phase_energy)
    if result.co2 is not None:
        carbon = f"{number(result.co2.gco2, 'gCO2')} at {result.co2.carbon_intensity_gco2_kwh:g} gCO2/kWh"
        yield "carbon", _marked(carbon, result)


def _host(result: ResultData) -> Rows:
    host = result.energy.host
    if host is None or host.energy_j is None:
        return
    spread = "" if host.uncertainty_j is None else f" +- {number(host.uncertainty_j, 'J', 2)}"
    yield METRICS["host_energy_j"].title, f"{METRICS['host_energy_j'].text(result)}{spread}, not in the total"
    yield _row("energy_with_host_j", result)


def _above_idle(result: ResultData) -> str:
    text = METRICS["energy_adjusted_j"].text(result)
    return text if result.energy_adjusted_j is None else _marked(text, result)


def _idle(result: ResultData) -> str:
    """The subtracted idle power, or why there is none."""
    baseline = result.baseline
    if baseline.power_w is None:
        return str(baseline.reason)
    kind = "estimated, " if baseline.method == "estimated" else ""
    return f"idle {number(baseline.power_w, 'W')}, {kind}{baseline.provenance}"


def _per(amount: float, unit: str, result: ResultData) -> str:
    """The energy of the window per amount, with its uncertainty if that is known."""
    total_j, spread_j = result.energy_total_j, result.energy_uncertainty_j
    text = number(None if total_j is None else total_j / amount, unit)
    return text if spread_j is None else f"{text} +- {number(spread_j / amount, unit, 2)}"


def energy_per_token(result: ResultData) -> str:
    """Joules per output token with their uncertainty, or marked as an estimate."""
    if result.energy_per_output_token is None:
        return HEADLINE.text(result)
    text = _per(result.output_tokens, HEADLINE.unit, result)
    return _marked(text, result)


def _marked(text: str, result: ResultData) -> str:
    """A value that follows from the energy, marked as an estimate if the energy is one."""
    return f"{text}, an estimate" if result.energy_method == "estimated" else text


def spread_per_token_j(result: ResultData) -> float | None:
    """Uncertainty in J of the energy per output token; None when it is unknown or nothing was generated."""
    if result.energy_uncertainty_j is None or result.output_tokens == 0:
        return None
    return result.energy_uncertainty_j / result.output_tokens


def _phases(split: PhaseEnergy | None) -> Rows:
    if split is None:
        return
    if split.prefill_j is None:
        yield "  prefill, decode", f"not separated ({split.reason})"
        return
    yield "  prefill", _phase(split.prefill_j, split.prefill_uncertainty_j)
    yield "  decode", _phase(split.decode_j, split.decode_uncertainty_j)


def _phase(energy_j: float | None, spread_j: float | None) -> str:
    text = number(energy_j, "J")
    return text if spread_j is None else f"{text} +- {number(spread_j, 'J', 2)}"


def _how(result: ResultData) -> str:
    if result.energy_method == "estimated":
        return f"an estimate by {result.energy.meter}, not a measurement"
    if result.energy_method == "replayed":
        return "simulated"
    return f"{result.energy.meter} ({result.energy_method})"


def _speed(result: ResultData) -> Rows:
    yield _row("tokens_per_second", result)
    if result.traffic is not None:
        yield from traffic_rows(result.traffic, result)
    for name, title in LATENCIES.items():
        values = getattr(result.latency, name, None)
        if values is not None:
            yield title, percentiles_text(values)
    if result.traffic is not None:
        yield from client_rows(result.traffic)


def _row(name: str, result: ResultData) -> tuple[str, str]:
    return METRICS[name].title, METRICS[name].text(result)


def _size(result: ResultData) -> Rows:
    yield _row("cpu_seconds", result)
    title, peak = _row("peak_memory_mb", result)
    yield title, f"{peak}{_of_memory(result)}"
    title, total = _row("flops_total", result)
    exact = METRICS["flops_exact"].text(result)
    yield title, total if result.flops_exact is None else f"{total} ({exact} from the architecture)"
    yield "config hash", result.measurement_config_hash


def _of_memory(result: ResultData) -> str:
    """What the peak memory is of, with the part of the model; of a server, why there is none."""
    if result.traffic is not None and result.memory.peak_memory_mb is None:
        return f" ({result.memory.source})"
    whole = " of the whole process" if result.memory.scope == "process" else ""
    return f"{whole} (model {METRICS['model_memory_mb'].text(result)})"


def _publication(result: ResultData) -> Iterator[str]:
    check = result.publication_check
    yield f"\nready to publish: {len(check.passed)} of {check.applicable} rules are kept"
    for state in SHOWN_STATES:
        rules = check.of(state)
        if rules:
            yield f"- {state.replace('_', ' ')}: {', '.join(map(_rule, rules))}"


def _rule(outcome: RuleOutcome) -> str:
    """The rule, and of a failed one the finding."""
    if outcome.state == "failed" and outcome.rule:
        return f"{outcome.rule} ({outcome.found})"
    return outcome.rule or outcome.found


def _warnings(result: ResultData) -> Iterator[str]:
    if result.warnings:
        yield "\nwarnings"
        yield from (f"- {text}" for text in repeated_once(result.warnings))


def repeated_once(warnings: Sequence[MeasurementWarning]) -> Iterator[str]:
    """Each warning as text. Those that differ in their numbers only, such as one per GPU, are one, with their number."""
    alike: dict[tuple[str, str], list[MeasurementWarning]] = {}
    for warning in warnings:
        alike.setdefault((warning.code, warning.remedy or warning.sentence), []).append(warning)
    for first, *others in alike.values():
        times = f" ({len(others) + 1} times, the first shown)" if others else ""
        yield f"{first}{times}"
