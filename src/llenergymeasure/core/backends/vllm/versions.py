"""The releases of vLLM that this package measures.

The times of requests, the settings that are read back and the counters are internal to vLLM and change between its releases. The
tests run with one release of this range (requirements-vllm.txt). The extra `vllm` in pyproject.toml has the same range.
"""

OLDEST = (0, 32)
BELOW = (0, 33)
SPECIFIER = f">={'.'.join(map(str, OLDEST))},<{'.'.join(map(str, BELOW))}"
"""The range as pip reads it: `>=0.32,<0.33`."""
