"""Sentences about factors: which matter, by how much, and which are undecided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import ALPHA, FactorEffect, Interaction, MetricAnalysis
from llenergymeasure.domain.study.names import factor_name, level_text, listed
from llenergymeasure.study.analysis.words.amounts import (
    USUAL_CYCLES,
    amount,
    comparison,
    could_be_found,
    difference,
    inverse,
)

# An interaction with more than this share of the explained variance is part of the answer.
LARGE_INTERACTION = 0.1
# An effect is an average that hides much where more than this part of its share is that of an interaction.
_MOST_OF_IT = 0.5


def name_of(design: StudyDesign, effect: FactorEffect) -> str:
    """The name of a factor, with its backend where it is inside one."""
    factor = next(factor for factor in design.factors if factor.name == effect.factor)
    return f"{factor_name(factor)} in {effect.within}" if effect.within else factor_name(factor)


def answer(design: StudyDesign, analysis: MetricAnalysis, margin: float | None) -> Iterator[str]:
    """Which factors matter, with intervals; which are undecided, negligible or not tested."""
    clear = [effect for effect in analysis.factors if effect.finding == "matters"]
    if clear:
        yield _main(design, analysis, clear)
        yield _explained(analysis, clear)
    else:
        yield f"No factor has a significant effect{_smallest_p(design, analysis)}."
    yield from _others(design, analysis, margin)


def without_ranking(design: StudyDesign, analysis: MetricAnalysis) -> Iterator[str]:
    """The spans alone, in the order of the design."""
    spans = [f"{name_of(design, effect)}: {_comparison(analysis.metric, effect)}" for effect in analysis.factors]
    yield f"{capital('; '.join(spans))}."
    yield f"{few_runs(analysis)}, so there are no intervals and no ranking: run at least {USUAL_CYCLES} cycles."


def few_runs(analysis: MetricAnalysis) -> str:
    """Why there are no intervals."""
    runs = "one cycle" if analysis.n_blocks == 1 else "so few runs"
    return f"With {runs} the spread is not known"


def _smallest_p(design: StudyDesign, analysis: MetricAnalysis) -> str:
    """Which p was needed and the smallest of the undecided factors; nothing where none was tested."""
    tested = [
        (effect.p_holm, name_of(design, effect))
        for effect in analysis.factors
        if effect.finding == "undecided" and effect.p_holm is not None
    ]
    if not tested:
        return ""
    smallest, name = min(tested)
    return f": p below {ALPHA:g} after Holm's correction is needed, and the smallest is {smallest:.2g} ({name})"


def _main(design: StudyDesign, analysis: MetricAnalysis, clear: Sequence[FactorEffect]) -> str:
    first, *others = clear
    tied = [effect for effect in others if _overlap(first, effect)]
    interaction = _interaction_of(analysis, first)
    if tied:
        names = listed([name_of(design, effect) for effect in (first, *tied)])
        head = f"{capital(names)} matter most, in an undecided order"
    else:
        head = f"{capital(name_of(design, first))} matters{' most' if len(analysis.factors) > 1 else ''}"
    if interaction is not None:
        head += f", and how much depends on {_other_name(design, interaction)}"
    name = f"{name_of(design, first)} " if tied else ""
    said = [f"{name}{_first(design, analysis.metric, first, interaction)}"]
    said += [f"{name_of(design, effect)} {_further(design, analysis, effect)}" for effect in others]
    return f"{head}: {'; '.join(said)}."


def _first(design: StudyDesign, metric: str, effect: FactorEffect, interaction: Interaction | None) -> str:
    if interaction is None:
        return _comparison(metric, effect)
    better, worse = _better_and_worse(metric, effect)
    ordered = sorted(interaction.conditional, key=lambda each: -each.ratio.value)
    largest, smallest = ordered[0], ordered[-1]
    said = comparison(metric, better, worse, largest.ratio)
    same = smallest.ratio.value >= 1
    rest = amount(metric, smallest.ratio) if same else comparison(metric, "it", worse, smallest.ratio, "")
    other = _other_name(design, interaction)
    return f"with {other} {level_text(largest.level)}, {said}; with {other} {level_text(smallest.level)}, {rest}"


def _further(design: StudyDesign, analysis: MetricAnalysis, effect: FactorEffect) -> str:
    if effect.at_best:
        return _comparison(analysis.metric, effect)
    said = amount(analysis.metric, effect.span)
    partner = _partner(analysis, effect)
    return f"{said} on average, and how much depends on {_named(design, partner)}" if partner else said


def _partner(analysis: MetricAnalysis, effect: FactorEffect) -> str | None:
    """The factor on which a smaller effect depends so much that their interaction makes most of its share."""
    for found in _interactions_of(analysis, effect):
        if _clear_share(found) / 2 > _MOST_OF_IT * (effect.share or 1):
            return next(name for name in found.factors if name != effect.factor)
    return None


def _named(design: StudyDesign, name: str) -> str:
    return factor_name(next(factor for factor in design.factors if factor.name == name))


def _comparison(metric: str, effect: FactorEffect) -> str:
    better, worse = _better_and_worse(metric, effect)
    said = comparison(metric, better, worse, effect.span)
    return f"{said} at the reference settings{_at_best(metric, effect)}" if effect.at_best else said


def _at_best(metric: str, effect: FactorEffect) -> str:
    """Another backend against that of the reference, each at its best cell: the best, or else the worst of them."""
    sign = 1 if METRICS[metric].better == "lower" else -1
    reference = next(each for each in effect.at_best if each.ratio.value == 1)
    ordered = sorted(effect.at_best, key=lambda each: sign * each.mean)
    other = ordered[0] if ordered[0] is not reference else ordered[-1]
    ratio = other.ratio
    if ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high:
        return ", and with each at its best no difference is shown"
    advantage = inverse(ratio) if sign == 1 else ratio
    said = comparison(metric, level_text(other.level), level_text(reference.level), advantage, "")
    return f", and with each at its best {said}"


def _better_and_worse(metric: str, effect: FactorEffect) -> tuple[str, str]:
    levels = level_text(effect.lowest), level_text(effect.highest)
    return levels if METRICS[metric].better == "lower" else (levels[1], levels[0])


def _interaction_of(analysis: MetricAnalysis, effect: FactorEffect) -> Interaction | None:
    """The largest interaction of a factor that is clear and large, with the factor first."""
    for found in _interactions_of(analysis, effect):
        if _clear_share(found) > LARGE_INTERACTION and found.factors[0] == effect.factor and found.conditional:
            return found
    return None


def _interactions_of(analysis: MetricAnalysis, effect: FactorEffect) -> Iterator[Interaction]:
    """The interactions of a factor among the same cells, the largest first."""
    return (each for each in analysis.interactions if effect.factor in each.factors and each.within == effect.within)


def _clear_share(found: Interaction) -> float:
    """The share of an interaction that is shown; 0 for one that is not."""
    is_clear = found.p_value is not None and found.p_value < ALPHA
    return found.share if is_clear and found.share is not None else 0.0


def _other_name(design: StudyDesign, interaction: Interaction) -> str:
    return _named(design, interaction.factors[1])


def _overlap(first: FactorEffect, other: FactorEffect) -> bool:
    return first.span.low is not None and other.span.high is not None and first.span.low < other.span.high


def _explained(analysis: MetricAnalysis, clear: Sequence[FactorEffect]) -> str:
    shares = [effect.share for effect in clear]
    words = "for these levels and this work"
    additive = ", as if the choices did not interact" if analysis.method == "main_effects" else ""
    if analysis.explained is None or any(share is None or effect.within for share, effect in zip(shares, clear)):
        return f"This holds {words}{additive}."
    percent = 100 * analysis.explained * sum(share for share in shares if share is not None)
    said = "more than 99" if percent > 99 else f"{percent:.0f}"
    subject = "It explains" if len(clear) == 1 else "Together they explain"
    return f"{subject} {said} % of the variation, {words}{additive}."


def _others(design: StudyDesign, analysis: MetricAnalysis, margin: float | None) -> Iterator[str]:
    found = {
        kind: [effect for effect in analysis.factors if effect.finding == kind]
        for kind in ("undecided", "negligible", "not_tested")
    }
    names = {kind: listed([name_of(design, effect) for effect in effects]) for kind, effects in found.items()}
    if found["undecided"]:
        verb = "is" if len(found["undecided"]) == 1 else "are"
        yield f"{capital(names['undecided'])} {verb} undecided{_could_be_found(found['undecided'])}."
    if found["negligible"] and margin is not None:
        verb = "makes" if len(found["negligible"]) == 1 else "make"
        yield f"{capital(names['negligible'])} {verb} no difference above {difference(1 + margin)}."
    if found["not_tested"]:
        verb, whose = ("has", "its") if len(found["not_tested"]) == 1 else ("have", "their")
        yield f"{capital(names['not_tested'])} {verb} no test, because the order of the runs groups {whose} levels."


def _could_be_found(effects: Sequence[FactorEffect]) -> str:
    known = [effect.detectable for effect in effects if effect.detectable is not None]
    return f": {could_be_found(max(known))}" if known else ""


def capital(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]
