"""Makes the bodies of requests: a prompt, its limits and its sampling, in the words that the server knows."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llenergymeasure.config.backends.server import ServerAPI
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.client.asked import Asked
from llenergymeasure.core.backends.server.client.engines import ServerKind

# Another one for each program, so that a running server has not seen its prompts before.
_SALT = secrets.token_hex(8)


@dataclass(frozen=True)
class Prepared:
    """The request of one prompt, which may be sent several times.

    Attributes:
        prompt_index: index of the prompt.
        body: the JSON object.
        salted: whether each request gets a text of its own, so that the server's prefix cache knows no prompt from before.
    """

    prompt_index: int
    body: bytes
    salted: bool

    def asked(self, number: int) -> Asked:
        """The request, ready to send.

        Args:
            number: another one for each request of this program.
        """
        if not self.salted:
            return Asked(self.prompt_index, self.body)
        return Asked(self.prompt_index, b'%b,"cache_salt":"%b-%d"}' % (self.body[:-1], _SALT.encode(), number))


class Bodies:
    """The requests of one experiment.

    Args:
        config: the experiment.
        kind: the server.
        api: its interface.
        model: the name of the model in requests.
    """

    def __init__(self, config: ExperimentConfig, kind: ServerKind, api: ServerAPI, model: str) -> None:
        self._config, self._kind, self._api, self._model = config, kind, api, model
        self._passthrough = dict(config.passthrough_kwargs or {})

    def prepared(self, prompt_index: int, prompt: str | Sequence[int], max_new_tokens: int | None = None) -> Prepared:
        """The request of a prompt.

        Args:
            prompt_index: its index.
            prompt: its text; for the completions interface of a server that takes them, its token ids.
            max_new_tokens: exact output length for a warm-up; None = as configured.
        """
        content = {
            "model": self._model,
            **self._prompt(prompt),
            **self._limits(max_new_tokens),
            **self._sampling(prompt_index),
            **self._stream(),
            **self._kind.without_cache,
            **self._passthrough,
        }
        salted = self._api in self._kind.cache_salt and "cache_salt" not in self._passthrough
        body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        return Prepared(prompt_index, body.encode("utf-8", "replace"), salted)

    def _prompt(self, prompt: str | Sequence[int]) -> dict[str, Any]:
        if self._api == "chat":
            return {"messages": [{"role": "user", "content": prompt}]}
        return {"prompt": prompt if isinstance(prompt, str) else list(prompt)}

    def _limits(self, max_new_tokens: int | None) -> dict[str, Any]:
        config, kind = self._config, self._kind
        limit = config.output_limit if max_new_tokens is None else min(max_new_tokens, config.output_limit)
        least = (config.min_output_tokens or 0) if max_new_tokens is None else limit
        limits: dict[str, Any] = {"max_tokens": limit}
        if least and kind.min_tokens:
            limits["min_tokens"] = least
        if least == limit and kind.ignores_eos is not None:
            limits[kind.ignores_eos] = True
        return limits

    def _sampling(self, prompt_index: int) -> dict[str, Any]:
        """Known settings are sent even at their default, so that those of the model or the server do not replace them."""
        decoder, kind = self._config.decoder, self._kind
        penalty = {} if kind.repetition_penalty is None else {kind.repetition_penalty: decoder.repetition_penalty}
        if decoder.decoding_strategy == "greedy":
            return {"temperature": 0, **penalty}
        return {
            "temperature": decoder.temperature,
            "top_p": decoder.top_p,
            **({} if kind.top_k is None else {"top_k": decoder.top_k or kind.top_k}),
            **({"min_p": 0} if kind.min_p else {}),
            **penalty,
            "seed": self._config.random_seed + prompt_index,
        }

    def _stream(self) -> dict[str, Any]:
        each = self._kind.counts_each_event
        options = {"include_usage": True, **({"continuous_usage_stats": True} if each == "stream_options" else {})}
        return {
            "stream": True,
            "stream_options": options,
            **({"timings_per_token": True} if each == "timings" else {}),
        }


def without_effect(config: ExperimentConfig, kind: ServerKind, cuts: bool) -> tuple[str, ...]:
    """Names of settings that the configuration sets and that have no effect on this server and its requests.

    Args:
        config: the experiment.
        kind: the server.
        cuts: whether long prompts are cut; without a tokenizer they are sent whole.
    """
    decoder, server, traffic = config.decoder, config.server_settings, config.traffic_settings
    exact = config.min_output_tokens == config.output_limit and kind.ignores_eos is not None
    missing = {
        "precision": "precision" in config.model_fields_set,
        "max_input_tokens": "max_input_tokens" in config.model_fields_set and not cuts,
        "traffic.seed": traffic.seed is not None and traffic.effective_mode != "poisson",
        "server.start_timeout_seconds": server.start_timeout_seconds is not None and server.launch is None,
        "min_output_tokens": config.min_output_tokens is not None and not (kind.min_tokens or exact),
        "decoder.top_k": decoder.decoding_strategy == "sampling" and decoder.top_k is not None and kind.top_k is None,
        "decoder.repetition_penalty": decoder.repetition_penalty != 1 and kind.repetition_penalty is None,
    }
    return tuple(name for name, is_missing in missing.items() if is_missing)
