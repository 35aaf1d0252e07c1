"""What torch and transformers raise, in words that help. Part of the door: it catches broadly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import BackendError, LLEMError
from llenergymeasure.security import redact


@contextmanager
def explained(doing: str, config: ExperimentConfig) -> Iterator[None]:
    """Turn every failure inside into a `BackendError` that names the cause and the cure.

    Raises:
        BackendError: with the original as its cause.
    """
    try:
        yield
    except LLEMError:
        raise
    except torch.OutOfMemoryError as error:
        raise BackendError(_out_of_memory(doing, config, error)) from error
    except MemoryError as error:
        raise BackendError(_out_of_memory(doing, config, error)) from error
    except Exception as error:
        if "can't allocate memory" in str(error):  # what torch says of a CPU
            raise BackendError(_out_of_memory(doing, config, error)) from error
        raise BackendError(f"{doing} failed: {_first_words(error)}{_cure(error)}") from error


def _out_of_memory(doing: str, config: ExperimentConfig, error: BaseException) -> str:
    batch_size = config.pytorch_settings.effective_batch_size
    return (
        f"{doing} ran out of memory (batch_size {batch_size}, up to {config.max_input_tokens or 'unlimited'} + "
        f"{config.output_limit} tokens per prompt, {config.precision}): {_first_words(error)}; lower pytorch.batch_size, "
        "max_input_tokens or max_output_tokens, or load weights in fewer bits"
    )


def _first_words(error: BaseException, limit: int = 400) -> str:
    text = redact(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:limit]}{'...' if len(text) > limit else ''}"


def _cure(error: Exception) -> str:
    """What to do, where the kind of failure tells."""
    text = str(error).lower()
    if isinstance(error, ImportError) and "peft" in text:
        return '; install it with: pip install "llenergymeasure[pytorch]"'
    if isinstance(error, ImportError):
        return "; install the package it names"
    if "safetensor" in type(error).__name__.lower() or "safetensors" in text:
        return "; the weights file is damaged or incomplete: fetch or copy it again"
    if "gated" in text or "401" in text or "403" in text:
        return "; accept the model's terms on its page and set HF_TOKEN"
    if isinstance(error, TypeError) and "argument" in text:
        return "; check the names in passthrough_kwargs"
    return ""
