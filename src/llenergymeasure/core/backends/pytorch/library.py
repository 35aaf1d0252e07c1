"""The calls of torch and transformers that loading needs, in one place, so that tests can check their arguments."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
import transformers
from transformers.generation import GenerationMixin

from llenergymeasure.core.backends.pytorch.weights import LoadReport, load_log_in_errors
from llenergymeasure.resilience import retry


class Transformers:
    """transformers' loading functions. Temporary failures, such as a lost connection, are retried.

    Args:
        library: transformers.
        again: makes a call, and retries it after a temporary failure.
    """

    def __init__(self, library: Any = transformers, again: Callable[[Callable[[], Any]], Any] = retry) -> None:
        self._library, self._again = library, again

    def config(self, source: str, **arguments: Any) -> Any:
        return self._again(lambda: self._library.AutoConfig.from_pretrained(source, **arguments))

    def tokenizer(self, source: str, **arguments: Any) -> Any:
        return self._again(lambda: self._library.AutoTokenizer.from_pretrained(source, **arguments))

    def model(self, source: str, **arguments: Any) -> tuple[Any, LoadReport]:
        """Load a model. Returns the model and transformers' report on its weights.

        Weights of another shape are accepted here, because the report names them; transformers' own log is silenced.
        """
        reported = {**self._whole(arguments), "output_loading_info": True, "ignore_mismatched_sizes": True}
        with load_log_in_errors():
            model, info = self._again(lambda: self._library.AutoModelForCausalLM.from_pretrained(source, **reported))
        return model, _model_report(model, info)

    def _whole(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Arguments that dequantise the weights of a GGUF file. Since 5.19 transformers keeps them packed if it has a kernel."""
        if "gguf_file" not in arguments or not hasattr(self._library, "GgufConfig"):
            return arguments
        return {**arguments, "quantization_config": self._library.GgufConfig(dequantize=True)}

    def model_from_config(self, config: Any, **arguments: Any) -> Any:
        return self._library.AutoModelForCausalLM.from_config(config, **arguments)

    def adapter(self, model: Any, source: str, merge: bool) -> tuple[Any, LoadReport]:
        """Apply a LoRA adapter. Returns the model and PEFT's report on the adapter's weights.

        Raises:
            ImportError: peft is not installed.
        """
        peft = import_module("peft")
        with _recorded_results(peft.PeftModel) as results:
            adapted = self._again(lambda: peft.PeftModel.from_pretrained(model, source))
        report = _adapter_report(adapted, results[-1])
        return (adapted.merge_and_unload() if merge else adapted), report

    def generate_names(self) -> frozenset[str]:
        """Names that `generate` knows: its parameters and the fields of a generation configuration."""
        own = inspect.signature(GenerationMixin.generate).parameters
        return frozenset(own) | frozenset(transformers.GenerationConfig().to_dict())

    def effective_generation(self, model: Any, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Every field of the generation configuration that `generate` builds, and transformers' defaults.

        It calls the method that `generate` itself calls, so arguments, the model's files and defaults have the same priority.
        """
        found, _ = model._prepare_generation_config(None, **arguments)
        plain = transformers.GenerationConfig()
        defaults = {**vars(plain), **plain._get_default_generation_params()}
        return {name: value for name, value in vars(found).items() if name in defaults}, defaults

    def cache(self, model: Any, arguments: Mapping[str, Any]) -> Any | None:
        """The cache that `generate` makes for a `cache_implementation`; None where the model has no cache of this kind.

        It calls the method that `generate` itself calls, which makes the cache without memory for keys and values.
        """
        found, _ = model._prepare_generation_config(None, **arguments)
        longest, caches = getattr(model, "_previous_max_cache_length", -1), dict[str, Any]()
        model._prepare_cache_for_generation(found, caches, None, 1, 1)
        if hasattr(model, "_previous_max_cache_length"):
            model._previous_max_cache_length = longest
        return next(iter(caches.values()), None)

    def cuda_available(self) -> bool:
        return bool(torch.cuda.is_available())


# Weights that PEFT shares between layers; the adapter's file has them once or not at all.
_SHARED_BY_PEFT = ("vblora_vector_bank", "prompt_encoder", ".tinylora_v.", ".unilora_theta_d.")


def _model_report(model: Any, info: Mapping[str, Any]) -> LoadReport:
    shapes = (
        f"{name} ({_shape(found)} in the checkpoint, {_shape(needed)} in the model)"
        for name, found, needed in info["mismatched_keys"]
    )
    return LoadReport(
        missing=tuple(info["missing_keys"]),
        unexpected=tuple(info["unexpected_keys"]),
        mismatched=tuple(shapes),
        n_weights=len(model.state_dict()),
    )


@contextmanager
def _recorded_results(peft_model: Any) -> Iterator[list[Any]]:
    """The return values of `load_adapter` during `from_pretrained`, which discards them; PEFT reports them in no other way."""
    original, results = peft_model.load_adapter, []

    def load_adapter(*arguments: Any, **named: Any) -> Any:
        results.append(original(*arguments, **named))
        return results[-1]

    peft_model.load_adapter = load_adapter
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the results contain what it warns of
            yield results
    finally:
        peft_model.load_adapter = original


def _adapter_report(adapted: Any, result: Any) -> LoadReport:
    missing = (name for name in result.missing_keys if not any(part in name for part in _SHARED_BY_PEFT))
    # Virtual tokens are loaded separately, and reported as unexpected.
    unexpected = () if adapted.active_peft_config.is_prompt_learning else result.unexpected_keys
    return LoadReport(missing=tuple(missing), unexpected=tuple(unexpected))


def _shape(sizes: Iterable[int]) -> str:
    return " x ".join(map(str, sizes))


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence the progress bars and log messages of transformers; errors are still raised."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    of_gguf: Any = import_module("transformers.modeling_gguf_pytorch_utils")
    own_bar = of_gguf.tqdm  # it is of tqdm itself, which transformers' setting does not reach
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    of_gguf.tqdm = logging.tqdm
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        of_gguf.tqdm = own_bar
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
