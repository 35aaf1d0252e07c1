"""The description of a server's model in a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.client.bodies import without_effect
from llenergymeasure.core.backends.server.client.engines import SERVERS
from llenergymeasure.core.backends.server.report import Report
from llenergymeasure.core.flops.architecture import shape_of
from llenergymeasure.core.model_limits import limits_of
from llenergymeasure.domain.measurements import ModelInfo

# Names of the device on which a server runs its model.
UNKNOWN_DEVICE = "unknown"
NOT_COUNTED = (
    "a server does not report the modules that it has loaded; the numbers are those of the model's configuration"
)
NOT_IN_PRODUCTS = (
    "the server reports only the total number of parameters, not that of matrix products, and the model's configuration "
    "is not on this machine or of an unknown family"
)
NOT_KNOWN = (
    "the server does not report them, and the model's configuration is not on this machine or of an unknown family"
)


def describe(
    config: ExperimentConfig,
    engine: str,
    report: Report,
    architecture: Mapping[str, Any],
    device: str,
    load_seconds: float | None,
    cuts: bool = True,
) -> ModelInfo:
    """The block `model_info` of a result.

    Args:
        config: the experiment.
        engine: name of the server.
        report: what the server reports.
        architecture: content of the model's config.json; empty without one on this machine.
        device: cuda, cpu or unknown.
        load_seconds: duration of its start in s; None for a server that was running already.
        cuts: whether long prompts are cut; without a tokenizer they are sent whole.
    """
    shape, names = shape_of(architecture), architecture.get("architectures")
    in_products = None if shape is None else shape.n_matmul_parameters
    total = report.n_parameters or (None if shape is None else shape.n_parameters)
    return ModelInfo(
        name=config.model,
        architecture=names[0] if isinstance(names, list) and names else None,
        n_parameters=total,
        n_matmul_parameters=in_products,
        adapter_parameters=None,
        parameters_reason=_reason(total, in_products),
        device=device,
        max_num_seqs=report.most_requests,
        effective_settings={**report.settings, **_without_effect(config, engine, cuts)},
        load_seconds=load_seconds,
        max_positions=report.positions or limits_of(architecture).positions,
    )


def _reason(total: int | None, in_products: int | None) -> str:
    """Why the numbers of parameters that are None are not known."""
    if in_products is not None:
        return NOT_COUNTED
    return NOT_KNOWN if total is None else NOT_IN_PRODUCTS


def _without_effect(config: ExperimentConfig, engine: str, cuts: bool) -> dict[str, None]:
    """Settings of the configuration that have no effect, as null."""
    return {name.rpartition(".")[2]: None for name in without_effect(config, SERVERS[engine], cuts)}
