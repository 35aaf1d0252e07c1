"""The publication rules of a study, from those of its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.domain.warnings import RuleState

# The first state that a run has is that of the study: one run that fails a rule is enough.
ORDER: tuple[RuleState, ...] = ("failed", "not_observed", "kept", "not_applicable")


class StudyRule(NamedTuple):
    """A publication rule over the runs of a study.

    Attributes:
        rule: its name.
        state: its state in the study.
        n_runs: how many runs have this state.
        of: how many runs were checked.
    """

    rule: str
    state: RuleState
    n_runs: int
    of: int

    def __str__(self) -> str:
        is_broken = self.state in ("failed", "not_observed")
        return f"{self.rule} ({self.n_runs} of {self.of} runs)" if is_broken and self.n_runs < self.of else self.rule


def study_rules(runs: Sequence[RunRow]) -> tuple[StudyRule, ...]:
    """Every rule, in the order of the table; none when no run has a result with rules."""
    checked = [run.publication for run in runs if run.publication]
    return tuple(_rule(name, checked) for name in dict.fromkeys(name for each in checked for name in each))


def _rule(name: str, checked: Sequence[Mapping[str, RuleState]]) -> StudyRule:
    states = [each[name] for each in checked if name in each]
    state = next(state for state in ORDER if state in states)
    return StudyRule(name, state, states.count(state), len(states))
