"""Counts the parameters of a model that is not loaded by transformers, from its configuration."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForCausalLM

from llenergymeasure.core.backends.pytorch.library import quiet_transformers
from llenergymeasure.core.backends.pytorch.parameters.count import ParameterCounts, count_parameters


def count_described(config: Any, trust_remote_code: bool = False) -> ParameterCounts:
    """Count the parameters of the model that a configuration of transformers describes; no memory is used for weights.

    Args:
        config: the configuration.
        trust_remote_code: whether code that comes with the model may be run.
    """
    try:
        with quiet_transformers(), torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    except Exception as error:  # whatever the code of a model raises
        return ParameterCounts(None, None, 0, reason=f"transformers cannot build the model ({type(error).__name__})")
    return count_parameters(model)
