"""The runs of the warm-up that cover every tensor shape of the window, so that nothing is compiled in the window.

A shape is a number of rows and a length: the padded length of the prompts in prefill, and in decode this length plus the
generated tokens. Batches of different prompt lengths share lengths in decode:

```
 prompts of 90   |==== prefill 90 ====|91 92 93 ... 90 + output - 1
 prompts of 80   |== prefill 80 ==|81 82 ... 90|        the other lengths were covered above
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llenergymeasure.protocols import Batch

# Prefill, and the first step of decode.
FEWEST_TOKENS = 2


def runs_covering_shapes(
    batches: Sequence[Batch], output_limit: int, every_step: bool = False
) -> tuple[tuple[Batch, int], ...]:
    """One batch of each distinct shape, widest first, with the number of tokens to generate.

    The widest comes first, so that a static cache, which is as long as the longest batch so far, keeps its length.

    Args:
        batches: the batches of the window.
        output_limit: most tokens per row in the window.
        every_step: generate all tokens for each shape, because with speculative decoding a step may add several tokens.
    """
    shapes = {(len(batch.prompt_indices), batch.padded_length): batch for batch in reversed(batches)}
    return tuple(_runs(shapes, output_limit, every_step))


def _runs(shapes: dict[tuple[int, int], Batch], output_limit: int, every_step: bool) -> Iterator[tuple[Batch, int]]:
    shortest_met: dict[int, int] = {}
    for rows, length in sorted(shapes, key=lambda shape: (-shape[1], -shape[0])):
        to_next = output_limit if every_step else shortest_met.get(rows, length + output_limit) - length + 1
        yield shapes[rows, length], min(max(to_next, FEWEST_TOKENS), output_limit)
        shortest_met[rows] = length
