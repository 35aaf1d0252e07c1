"""The true energy of simulated GPUs: every waveform is linear between its bends, so the power in the middle of
two neighbouring bends times the time between them is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from nvmlsim.scenario import Box, Constant, Pulses, Ramp, SimGpu, Term

# When the level of load changed, and to what; in order of time.
Switches = Sequence[tuple[float, float]]


def energy_j(gpu: SimGpu, switches: Switches, from_s: float, to_s: float) -> float:
    """Joules from one time to another."""
    bends = sorted(
        {from_s, to_s, *(time_s for time_s in _bends(gpu, switches, from_s, to_s) if from_s < time_s < to_s)}
    )
    return math.fsum((b - a) * power_w(gpu, switches, (a + b) / 2) for a, b in zip(bends, bends[1:]))


def power_w(gpu: SimGpu, switches: Switches, time_s: float) -> float:
    """Watts at a time that is not a bend."""
    total = sum(_watts(term, time_s) for term in gpu.idle)
    past = [one for one in switches if one[0] <= time_s]
    if not past:
        return total
    began_s, level = past[-1]
    if level:
        return total + level * sum(_watts(term, time_s - began_s) for term in gpu.load)
    return total + sum(_watts(term, time_s - began_s) for term in gpu.rest)


def _watts(term: Term, time_s: float) -> float:
    if isinstance(term, Constant):
        return term.watts
    if isinstance(term, Box):
        return term.watts if term.from_s <= time_s < term.to_s else 0.0
    if isinstance(term, Ramp):
        return term.watts * min(max((time_s - term.from_s) / (term.to_s - term.from_s), 0.0), 1.0)
    return term.watts if (time_s - term.start_s) % term.period_s < term.share * term.period_s else 0.0


def _bends(gpu: SimGpu, switches: Switches, from_s: float, to_s: float) -> Iterator[float]:
    yield from _bends_of(gpu.idle, from_s, to_s)
    edges = [*(time_s for time_s, _ in switches), math.inf]
    for (began_s, _), ended_s in zip(switches, edges[1:]):
        yield began_s
        if began_s < to_s and ended_s > from_s:
            for time_s in _bends_of(
                (*gpu.load, *gpu.rest), max(from_s, began_s) - began_s, min(to_s, ended_s) - began_s
            ):
                yield began_s + time_s


def _bends_of(terms: Iterable[Term], from_s: float, to_s: float) -> Iterator[float]:
    for term in terms:
        if isinstance(term, (Box, Ramp)):
            yield from (term.from_s, term.to_s)
        elif isinstance(term, Pulses):
            first = math.floor((from_s - term.start_s) / term.period_s)
            for number in range(first, math.ceil((to_s - term.start_s) / term.period_s) + 1):
                yield term.start_s + number * term.period_s
                yield term.start_s + (number + term.share) * term.period_s
