"""What a publication rule is: a function from the draft of a result to whether it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import RuleOutcome, RuleState


@dataclass(frozen=True)
class Held:
    """The outcome of a rule for a draft: the state, the finding as text, and its number."""

    state: RuleState
    found: str
    value: float | None = None


def held(kept: bool, found: str, value: float | None = None) -> Held:
    """Kept or failed."""
    return Held("kept" if kept else "failed", found, value)


def not_observed(found: str = "not observed") -> Held:
    """Not known whether it is kept."""
    return Held("not_observed", found)


def _always(draft: ExperimentResult) -> str:
    return ""


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: its name.
        hold: checks a draft of a result.
        why_not: why the rule does not apply to a draft; empty when it applies.
    """

    name: str
    hold: Callable[[ExperimentResult], Held]
    why_not: Callable[[ExperimentResult], str] = _always

    def outcome(self, draft: ExperimentResult) -> RuleOutcome:
        """The outcome of the rule for a draft."""
        reason = self.why_not(draft)
        outcome = Held("not_applicable", reason) if reason else self.hold(draft)
        return RuleOutcome(rule=self.name, state=outcome.state, value=outcome.value, found=outcome.found)
