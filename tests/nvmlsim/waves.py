"""What a GPU draws while it works, for scores against the truth: load waveforms that begin with the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from nvmlsim.scenario import Constant, Pulses, Ramp, Term

IDLE_W = 60.0


def constant(random: Random, seconds: float) -> Sequence[Term]:
    """300 W."""
    return [Constant(240.0)]


def square(period_s: float) -> Callable[[Random, float], Sequence[Term]]:
    """100 and 400 W in turn, beginning anywhere in the period."""

    def wave(random: Random, seconds: float) -> Sequence[Term]:
        return [Constant(40.0), Pulses(300.0, period_s, start_s=-period_s * random.random())]

    return wave


def rising(random: Random, seconds: float) -> Sequence[Term]:
    """From 100 to 400 W over the window."""
    return [Constant(40.0), Ramp(300.0, 0.0, seconds)]


def falling(random: Random, seconds: float) -> Sequence[Term]:
    """From 400 to 100 W over the window."""
    return [Constant(340.0), Ramp(-300.0, 0.0, seconds)]


def llm(random: Random, seconds: float) -> Sequence[Term]:
    """Decode at 240 W; every 1.3 s, the first at once, 90 ms of prefill at 420 W; between steps the GPU waits a little."""
    period_s = 1.3 + 0.4 * random.random()
    return [Constant(165.0), Pulses(15.0, 0.023, share=0.9), Pulses(180.0, period_s, share=0.09 / period_s)]


WAVES: dict[str, Callable[[Random, float], Sequence[Term]]] = {
    "constant 300 W": constant,
    "square 100 ms": square(0.100),
    "square 150 ms": square(0.150),
    "square 730 ms": square(0.730),
    "rising": rising,
    "falling": falling,
    "LLM": llm,
}
