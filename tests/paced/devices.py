"""The GPUs of the backend: those that CUDA would show, without CUDA."""

from __future__ import annotations

import os

from llenergymeasure.config.models import ExperimentConfig


def is_available() -> bool:
    return True


def device_count() -> int:
    return len(os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(","))


def uuids() -> list[str]:
    return []


def gpus_used(config: ExperimentConfig) -> int | None:
    return config.gpus_wanted
