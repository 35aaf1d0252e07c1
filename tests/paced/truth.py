"""What a study of the paced backend finds on two GPUs of which one draws 8 % more power, and what is true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from llenergymeasure import StudyResult
from paced import LONGER, TOKEN_S

WATTS = (100.0, 108.0)
TRUTH = {"precision": TOKEN_S["bf16"] / TOKEN_S["fp32"], "max_input_tokens": LONGER}


@dataclass(frozen=True)
class Found:
    """The ratio of the powers of both GPUs, and of each effect the logarithms of its error and of half its interval."""

    watts: float
    effects: dict[str, tuple[float, float]]

    def is_true(self) -> bool:
        """An interval misses in 5 of 100 studies; a shift by the difference of the GPUs would be far outside."""
        return abs(self.watts / (WATTS[1] / WATTS[0]) - 1) < 0.01 and all(
            abs(error) <= max(2 * half, 0.01) and half < math.log(1.04) for error, half in self.effects.values()
        )


def found_by(study: StudyResult) -> Found:
    """What a study found in four cycles, two on each GPU."""
    low, high = sorted(_watts(study, gpus) for gpus in {row.gpus for row in study.runs})
    metric = study.effects.metric("energy_per_output_token")
    assert metric.n_blocks == 4
    ratios = {name: metric.factor(name).levels[-1].ratio for name in TRUTH}
    return Found(
        high / low,
        {
            name: (math.log(ratio.value / TRUTH[name]), math.log(ratio.high / ratio.low) / 2)
            for name, ratio in ratios.items()
        },
    )


def _watts(study: StudyResult, gpus: tuple[str, ...]) -> float:
    runs = [row.values for row in study.runs if row.gpus == gpus]
    return median(values["energy_total_j"] / values["duration_sec"] for values in runs)
