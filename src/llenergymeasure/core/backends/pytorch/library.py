"""The calls into torch and transformers that loading needs: one seam, so that tests see what arrives."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
import transformers
from transformers.generation import GenerationMixin

from llenergymeasure.resilience import retry


class Transformers:
    """transformers' loading functions. What may pass, such as a connection lost in a download, is tried again.

    Args:
        library: transformers.
        again: makes a call, and makes it again after a failure that may pass.
    """

    def __init__(self, library: Any = transformers, again: Callable[[Callable[[], Any]], Any] = retry) -> None:
        self._library, self._again = library, again

    def config(self, source: str, **arguments: Any) -> Any:
        return self._again(lambda: self._library.AutoConfig.from_pretrained(source, **arguments))

    def tokenizer(self, source: str, **arguments: Any) -> Any:
        return self._again(lambda: self._library.AutoTokenizer.from_pretrained(source, **arguments))

    def model(self, source: str, **arguments: Any) -> Any:
        return self._again(lambda: self._library.AutoModelForCausalLM.from_pretrained(source, **arguments))

    def model_from_config(self, config: Any, **arguments: Any) -> Any:
        return self._library.AutoModelForCausalLM.from_config(config, **arguments)

    def adapter(self, model: Any, source: str, merge: bool) -> Any:
        """Apply a LoRA adapter.

        Raises:
            ImportError: peft is not installed.
        """
        adapted = self._again(lambda: import_module("peft").PeftModel.from_pretrained(model, source))
        return adapted.merge_and_unload() if merge else adapted

    def generate_names(self) -> frozenset[str]:
        """Names that `generate` knows: its own parameters and those of a generation configuration."""
        own = inspect.signature(GenerationMixin.generate).parameters
        return frozenset(own) | frozenset(transformers.GenerationConfig().to_dict())

    def cuda_available(self) -> bool:
        return bool(torch.cuda.is_available())


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No bars and no advice from transformers while it works; errors still raise."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
