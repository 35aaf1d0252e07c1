"""The steps that the progress of an experiment shows."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.core.steps import loading_step, measuring_step

HERE = "http://127.0.0.1:8000/v1"


def served(traffic=None, **server):
    return ExperimentConfig(model="m", backend="server", n=30, server=server or {"url": HERE}, traffic=traffic)


@pytest.mark.parametrize(
    ("config", "step"),
    [
        (ExperimentConfig(model="m"), "loading m"),
        (served(), f"connecting to {HERE}"),
        (served(launch=["/opt/bin/vllm", "serve", "{port}"]), "starting /opt/bin/vllm for m"),
    ],
)
def test_a_server_loads_its_model_itself(config, step):
    assert loading_step(config) == step


@pytest.mark.parametrize(
    ("config", "n_batches", "step"),
    [
        (ExperimentConfig(model="m", n=30), 1, "measuring 30 prompts"),
        (
            ExperimentConfig(model="m", n=30, min_duration_seconds=1.5),
            2,
            "measuring 30 prompts in 2 batches, for at least 1.5 s",
        ),
        (served(), 30, "measuring 30 prompts"),
        (served({"mode": "poisson", "rate": 4}), 30, "measuring 30 prompts, about 8 s"),
    ],
)
def test_the_window_has_its_expected_length_where_it_is_known(config, n_batches, step):
    assert measuring_step(config, n_batches) == step
