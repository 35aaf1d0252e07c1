"""How a study was run: protocol, machines, control runs, and runs without a result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from llenergymeasure._format import NOT_MEASURED, number
from llenergymeasure.config.messages.fields import shown
from llenergymeasure.domain.study.design import Protocol, Skipped
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.results.report.study.machine import device_groups, gpu_texts, most_at_once
from llenergymeasure.results.study_tables.texts import ABSENT, plain, ratio_text, three_figures

ORDERS = {
    "shuffled": "shuffled in each cycle",
    "interleaved": "the same in each cycle",
    "sequential": "all cycles of a cell together",
    "grouped": "shuffled in each cycle, with runs that load the same model together",
}
PROCESSES = {
    "process": "each run in a fresh process, forked from a prepared one",
    "spawn": "each run in a new interpreter",
    "none": "all runs in one process",
}
KINDS = {
    "invalid": "refused by a check before the run", "out_of_memory": "out of memory", "timeout": "time limit reached",
    "hung": "no heartbeat", "killed": "ended by a signal", "crash": "its process crashed",
    "unanswered": "the requests to the server failed", "error": "error",
}  # fmt: skip
Rows = Iterator[tuple[str, str]]


def protocol_rows(protocol: Protocol) -> Rows:
    """How the runs were made."""
    yield "cycles", str(protocol.n_cycles)
    yield "order", f"{ORDERS[protocol.order]}, seed {protocol.seed}"
    yield "processes", PROCESSES[protocol.isolation]
    yield "wait before a run", number(protocol.experiment_gap_s, "s")
    yield "wait before a cycle", number(protocol.cycle_gap_s, "s")
    yield "cool-down", cooldown(protocol)
    yield "time limit of a run", "none" if protocol.timeout_s is None else number(protocol.timeout_s, "s")
    yield "control runs", "the reference, first and last in each cycle" if protocol.control else "none"


def cooldown(protocol: Protocol) -> str:
    """The rule of the wait for a temperature."""
    if protocol.cooldown_celsius is None:
        return "none"
    near, most = number(protocol.cooldown_celsius, "°C"), number(protocol.cooldown_max_s, "s")
    return f"until each GPU is within {near} of its temperature at the start, at most {most}"


def machine_rows(study: StudyData) -> Rows:
    """Where the runs were made, and how long they waited."""
    ran = [run for run in study.runs if run.started_at is not None]
    yield "machine", _each(run.host for run in ran) or "not recorded"
    yield "GPUs", "; ".join(gpu_texts(ran)) or "none"
    yield from _groups(ran)
    yield "environment", _each(run.environment for run in ran) or "not recorded"
    yield "energy meter", _each(run.meter for run in study.completed) or "none: energy was not measured"
    warm = [run.temperature_c for run in ran if run.temperature_c is not None]
    yield "GPU temperature at start", f"{min(warm):.0f} to {max(warm):.0f} °C" if warm else "not measured"
    waited = math.fsum(run.waited_s for run in ran)
    yield "waits", f"{number(waited, 's')} in all" if waited >= 1 else "none"
    skipped = math.fsum(run.skipped_s for run in ran)
    if skipped:
        yield "skipped waits", number(skipped, "s")


def _groups(ran: Sequence[RunRow]) -> Rows:
    """The device groups, where the cycles were handed out."""
    groups = device_groups(ran)
    if groups:
        yield (
            "device groups",
            f"{len(groups)}, each cycle on one of them; at most {most_at_once(ran)} runs at once on a machine",
        )
    offsets_s = [run.clock_offset_s for run in ran if run.clock_offset_s is not None]
    if offsets_s:
        yield "clock of the disk minus clocks of the machines", f"{min(offsets_s):.3f} to {max(offsets_s):.3f} s"


def _each(values: Iterator[str | None]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if value is not None))


def control_rows(study: StudyData, effects: StudyEffects) -> list[tuple[str, ...]]:
    """Per cycle with a control run, and of all cycles: the run at its end over the one at its start, in the headline."""
    control = sorted((run for run in study.runs if run.role != "cell"), key=lambda run: (run.cycle, run.place))
    rows: list[tuple[str, ...]] = []
    for cycle, group in groupby(control, key=lambda run: run.cycle):
        first, last = ((_value(run, effects.headline)) for run in _ends(list(group)))
        if first is None and last is None:
            continue
        ratio = ABSENT if not first or last is None else plain(last / first)
        rows.append(
            (
                f"cycle {cycle}",
                *(NOT_MEASURED if value is None else three_figures(value) for value in (first, last)),
                ratio,
            )
        )
    if effects.control_drift is not None:
        rows.append(("all cycles", "", "", ratio_text(effects.control_drift)))
    return rows


def _ends(control: Sequence[RunRow]) -> tuple[RunRow | None, RunRow | None]:
    by_role = {run.role: run for run in control}
    return by_role.get("control_first"), by_role.get("control_last")


def _value(run: RunRow | None, metric: str) -> float | None:
    return None if run is None else run.per_pass(metric)


def failures(study: StudyData) -> list[RunRow]:
    """The runs without a result that have a reason."""
    return [run for run in study.runs if run.failure is not None]


def kind_of(run: RunRow) -> str:
    """The kind of failure in words."""
    return "" if run.failure is None else KINDS[run.failure.kind]


def skipped_rows(skipped: Sequence[Skipped]) -> list[tuple[str, str]]:
    """Combinations that were not measured, with the reasons."""
    return [
        (", ".join(f"{name}={shown(value)}" for name, value in each.fields.items()), each.reason) for each in skipped
    ]
