"""A model in a real server, and what that server has counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.core.backends.server.engine import ServerEngine
from llenergymeasure.core.backends.server.loading import ServerLoader
from llenergymeasure.core.machine.clock import SystemClock

SMOLLM2 = "builtin/smollm2-135m"


@contextmanager
def a_served_model(model: str, launch: list[str], **fields) -> Iterator[ServerEngine]:
    """A model in a server that is started, and ended with the block."""
    base = {"model": model, "backend": "server", "server": {"launch": launch}, "max_output_tokens": 16, "n": 8}
    engine = ServerLoader(SystemClock()).load(build_experiment_config(base, fields))
    try:
        yield engine
    finally:
        engine.release()


def counted(url: str, name: str) -> float:
    """The sum of a counter in the server's metrics, over its labels; 0 where it is not listed yet."""
    with urlopen(f"{url.removesuffix('/v1')}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    values = (line.rsplit(" ", 1)[1] for line in lines if line.partition("{")[0].split(" ")[0] == name)
    return sum(map(float, values))
