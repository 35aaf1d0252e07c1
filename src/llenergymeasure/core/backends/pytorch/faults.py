"""Explains the errors of torch and transformers. It catches every exception of these libraries."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import torch
from safetensors import SafetensorError

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import BackendError, LLEMError, OutOfMemory
from llenergymeasure.security import redact


@contextmanager
def explained(doing: str, config: ExperimentConfig, suspects: Collection[str] = ()) -> Iterator[None]:
    """Turn every failure inside into a `BackendError` that names the cause and the fix.

    Args:
        doing: name of the operation, such as generating.
        config: the experiment.
        suspects: settings of the model's own files that may be the cause.

    Raises:
        BackendError: with the original as its cause.
    """
    try:
        yield
    except LLEMError:
        raise
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(_out_of_memory(doing, config, error)) from error
    except MemoryError as error:
        raise OutOfMemory(_out_of_memory(doing, config, error)) from error
    except Exception as error:
        if "can't allocate memory" in str(error):  # the message of torch on a CPU
            raise OutOfMemory(_out_of_memory(doing, config, error)) from error
        raise BackendError(f"{doing} failed: {_first_words(error)}{_fix(error) or _suspected(suspects)}") from error


def _out_of_memory(doing: str, config: ExperimentConfig, error: BaseException) -> str:
    batch_size = config.pytorch_settings.effective_batch_size
    return (
        f"{doing} ran out of memory (batch_size {batch_size}, up to {config.max_input_tokens or 'unlimited'} + "
        f"{config.output_limit} tokens per prompt, {config.precision}): {_first_words(error)}; lower pytorch.batch_size, "
        "max_input_tokens or max_output_tokens, or load weights in fewer bits"
    )


def _first_words(error: BaseException, limit: int = 400) -> str:
    text = redact(" ".join(str(error).split()))
    return ": ".join(filter(None, [type(error).__name__, f"{text[:limit]}{'...' if len(text) > limit else ''}"]))


def _suspected(suspects: Collection[str]) -> str:
    """A suggestion when the model's own files set options that may be the cause; empty otherwise."""
    names = [name for name in suspects if name not in ("eos_token_id", "min_length")]
    if not names:
        return ""
    switched_off = ", ".join(f"{name}: null" for name in names)
    return f"; the model's own files set {', '.join(names)}; to try without, set passthrough_kwargs: {{{switched_off}}}"


def _fix(error: Exception) -> str:
    """What to do, if the kind of failure is known; empty otherwise."""
    text = str(error).lower()
    for kind, words, fix in _FIXES:
        if isinstance(error, kind) and any(word in text for word in words):
            return fix
    return ""


_ANY = ("",)
_DAMAGED = "; the weights file is damaged or incomplete: fetch or copy it again"
# The first match applies: class of the exception, texts of which one is in its message, fix.
_FIXES: tuple[tuple[type[Exception], tuple[str, ...], str], ...] = (
    (ImportError, ("peft",), '; install it with: pip install "llenergymeasure[pytorch]"'),
    (ImportError, _ANY, "; install the package it names"),
    (SafetensorError, _ANY, _DAMAGED),
    (Exception, ("safetensors",), _DAMAGED),
    (
        Exception,
        ("gated", "unauthorized", "forbidden", "401 client", "403 client"),
        "; accept the model's terms on its page and set HF_TOKEN",
    ),
    (Exception, ("num_return_sequences",), "; remove num_return_sequences from the model's generation_config.json"),
    (TypeError, ("argument",), "; check the names in passthrough_kwargs"),
)
