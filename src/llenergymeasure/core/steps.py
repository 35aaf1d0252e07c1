"""The steps of an experiment as its progress shows them."""

from __future__ import annotations

import math

from llenergymeasure.config.models import ExperimentConfig


def loading_step(config: ExperimentConfig) -> str:
    """The step that ends with an engine. A server loads its model itself; one that runs already has loaded it."""
    server = config.server_settings
    if server.url is not None:
        return f"connecting to {server.url}"
    if server.launch is not None:
        return f"starting {server.launch[0]} for {config.model}"
    return f"loading {config.model}"


def measuring_step(config: ExperimentConfig, n_batches: int) -> str:
    """The window, with its length where that is known.

    Args:
        config: the experiment.
        n_batches: number of batches; for a server they are not named, because each has one prompt.
    """
    batches = f" in {n_batches} batches" if n_batches > 1 and config.backend != "server" else ""
    expected_s = config.traffic_settings.expected_seconds(config.n)
    if config.min_duration_seconds is not None:
        length = f", for at least {config.min_duration_seconds:g} s"
    else:
        length = "" if expected_s is None else f", about {math.ceil(expected_s)} s"
    return f"measuring {config.n} prompts{batches}{length}"
