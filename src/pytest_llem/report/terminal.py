"""The terminal section: one line per limited metric, the warnings, then counts. Names are not
shortened, so that commands can be copied.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_llem.baseline.claims import listed
from pytest_llem.baseline.commands import accepting
from pytest_llem.limits import JUDGED
from pytest_llem.measure.judged import Judged
from pytest_llem.report.all_warnings import all_warnings
from pytest_llem.report.json_report import counts
from pytest_llem.report.updates import Finished, key_of
from pytest_llem.stash import State
from pytest_llem.verdict.verdict import KINDS
from pytest_llem.verdict.wording import lines

WITHOUT_JOULES = (
    "joules were not measured: limit metrics that need no power sensor, such as output_tokens and flops_total of experiments, or "
    "duration_s of windows"
)
_SHOWN = {"not-measured": "not measured", "work-changed": "workload changed", "over-budget": "over budget"}


def section(state: State, done: Finished) -> list[str]:
    """The lines of the section; none when nothing was measured."""
    text = [*_experiments(state), *_warnings(state), *_ends(state, done)]
    measured = any(record.runs for record in state.records.values())
    return text if measured or done.problems or done.unclaimed else []


def _experiments(state: State) -> Iterator[str]:
    for record in state.records.values():
        for run in record.runs:
            if not run.measured:
                continue
            verdict = run.found
            yield from lines(run.title, verdict)
            if run.simulated:
                yield "    simulated: recorded joules"
            if run.dropped:
                causes = "; ".join(f"repeat {each.index + 1}: {', '.join(each.causes)}" for each in run.dropped)
                yield f"    dropped {len(run.dropped)}: {causes}"
            if verdict.remeasured:
                yield f"    {verdict.remeasured}"
            yield from (f"    {note}" for note in verdict.notes)


def _warnings(state: State) -> Iterator[str]:
    found = all_warnings(state.runs)
    if found:
        yield "warnings"
    yield from (f"- {each}" for each in found)


def _ends(state: State, done: Finished) -> Iterator[str]:
    found = counts(state)
    if found:
        shown = [f"{found[kind]} {_SHOWN.get(kind, kind)}" for kind in KINDS if kind in found]
        if "not-measured" not in found:
            shown.append("0 not measured")
        yield ", ".join(shown)
    if any(run.measured and _lacks_joules(run) for run in state.runs):
        yield WITHOUT_JOULES
    # The first run of a configuration names it.
    titles = {key_of(run): run.title for record in reversed(state.records.values()) for run in reversed(record.runs)}
    for outcome in done.outcomes:
        title = titles.get((outcome.test_id, outcome.config_hash), outcome.test_id)
        note = f": {outcome.note}" if outcome.note else ""
        yield f"baseline {outcome.action}: {title}{note}"
    for path in done.updated:
        yield f"baseline written: {state.shown(path)}"
    yield from _acceptance(state, done)
    yield from listed(done.unclaimed, state.shown)
    yield from (f"ERROR: {problem}" for problem in done.problems)


def _lacks_joules(run: Judged) -> bool:
    """Whether no sensor measured the joules that a limit is for."""
    needed = any(each.kind == "not-measured" and JUDGED[each.metric].joules for each in run.found.judgements)
    return needed and run.origin.energy_method in (None, "estimated")


def _acceptance(state: State, done: Finished) -> Iterator[str]:
    """The commands that accept values later: one for each test that a verdict failed, and one for all that was not ok."""
    entered = {(each.test_id, each.config_hash) for each in done.outcomes if each.action not in ("refused", "kept")}
    for path, runs in done.candidates.items():
        open_ = [(record, run) for record, run in runs if run.verdict != "ok" and key_of(run) not in entered]
        failed = dict.fromkeys(record.test for record, _ in open_ if record.gate_failed)
        for test in failed:
            yield f"to accept this change: {accepting(state.config, path, [test])}"
        if len({record.test for record, _ in open_}) > len(failed) or len(failed) > 1:
            yield f"to accept all that was not ok: {accepting(state.config, path, [])}"
