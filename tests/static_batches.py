"""Static batches with known times, as a library that pads its prompts reports them: the material of a golden test.

The numbers are random with a fixed seed, so that their last digits differ from batch to batch.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """One `generate` call: what it was given, what it returned and when. Times are in s."""

    prompt_indices: tuple[int, ...]
    input_lengths: tuple[int, ...]
    output_ids: tuple[tuple[int, ...], ...]
    started_s: float
    finished_s: float
    step_times_s: tuple[float, ...]
    step_tokens: tuple[int, ...]
    compilations: int | None
    compiling_s: float


def _yields(rng: random.Random, most: int) -> list[int]:
    """Tokens of each step: one each, or up to `most`."""
    return [rng.randint(1, most) for _ in range(rng.randint(3, 9))]


def _call(rng: random.Random, indices: tuple[int, ...], now_s: float, most: int, counts: bool) -> Call:
    yields = _yields(rng, most)
    tokens = [sum(yields[: step + 1]) for step in range(len(yields))]
    times, time_s = [], now_s + rng.uniform(0.2, 0.6)
    for _ in yields:
        times.append(time_s)
        time_s += rng.uniform(0.01, 0.05)
    lengths = [rng.randint(1, tokens[-1]) for _ in indices]
    lengths[rng.randrange(len(lengths))] = tokens[-1] - rng.randint(0, yields[-1] - 1)
    return Call(
        prompt_indices=indices,
        input_lengths=tuple(rng.randint(3, 40) for _ in indices),
        output_ids=tuple(tuple(rng.randint(3, 90) for _ in range(length)) for length in lengths),
        started_s=now_s,
        finished_s=times[-1] + rng.uniform(0.0001, 0.002),
        step_times_s=tuple(times),
        step_tokens=tuple(tokens),
        compilations=rng.randint(0, 2) if counts else None,
        compiling_s=rng.uniform(0, 0.1) if counts else 0.0,
    )


def calls(seed: int, rows: int, passes: int = 1, n: int = 14, most: int = 1, counts: bool = True) -> list[list[Call]]:
    """Calls of `passes` passes over `n` prompts in shuffled batches of at most `rows` prompts.

    Args:
        seed: of the random numbers.
        rows: prompts per batch.
        passes: passes over the prompts.
        n: prompts.
        most: most tokens of a step; above 1 as in speculative decoding.
        counts: whether compilations are counted.
    """
    rng = random.Random(seed)
    order, found, now_s = list(range(n)), [], 1.0
    rng.shuffle(order)
    for _ in range(passes):
        one_pass = []
        for start in range(0, n, rows):
            one_pass.append(_call(rng, tuple(order[start : start + rows]), now_s, most, counts))
            now_s = one_pass[-1].finished_s + rng.choice([0.0, rng.uniform(0.0001, 0.01)])
        found.append(one_pass)
    return found
