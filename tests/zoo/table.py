"""The table of `docs/zoo.md`: one line per architecture, from what was measured."""

from __future__ import annotations

from collections.abc import Sequence

import transformers

from zoo.row import Row

PAGE = """# Architectures

Small random models of {count} architectures, made from the configurations of transformers {version}. Each is measured with
`llem`'s own code and compared with a loop written by hand: the greedy ids, the token counts, the operations that torch
counts in the same work, and the bytes that weights and caches really take.

`make zoo` writes this page; `make test-slow` checks every line.

- **ids**: our greedy ids and token counts are those of the loop.
- **FLOPs**: `equal` = `flops_exact` is torch's count to the last operation. `not known` = `flops_exact` is `null`, and the
  result says why; `flops_total` (the PaLM rule) is there.
- **weights, cache**: estimated over real bytes. The estimate counts one position more than a run fills. A dash means that the
  estimate is `null`.

| architecture | class | ids | FLOPs | weights | cache |
|---|---|---|---|---|---|
{lines}
"""


def line_of(row: Row) -> str:
    """A row of the table."""
    flops = "not known" if row.flops_exact is None else "equal" if row.flops_exact == row.flops_counted else "DIFFERENT"
    ids = "equal" if row.ids_equal and row.tokens_equal else "DIFFERENT"
    ratios = ("-" if ratio is None else f"{ratio:.2f}" for ratio in (row.weights_ratio, row.cache_ratio))
    return f"| `{row.architecture}` | {row.model_class} | {ids} | {flops} | {' | '.join(ratios)} |"


def page_of(rows: Sequence[Row]) -> str:
    """The whole page."""
    return PAGE.format(count=len(rows), version=transformers.__version__, lines="\n".join(map(line_of, rows)))
