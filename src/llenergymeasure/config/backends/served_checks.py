"""Checks settings of an experiment that do not go together with a server."""

from __future__ import annotations

from llenergymeasure.config.backends.server import ServerConfig
from llenergymeasure.config.base import MOST_SECONDS, ContradictionError
from llenergymeasure.config.sections import DecoderConfig
from llenergymeasure.config.traffic import TrafficConfig


def check_served(server: ServerConfig, traffic: TrafficConfig, decoder: DecoderConfig, templated: bool, n: int) -> None:
    """Refuse settings that a server cannot follow.

    Args:
        server: the section `server`.
        traffic: the section `traffic`.
        decoder: the section `decoder`.
        templated: whether the chat template is applied by this package.
        n: number of requests.

    Raises:
        ContradictionError: two settings exclude each other; with both names and the fix.
    """
    if server.url is None and server.launch is None:
        fix = "set server.url to its address, or server.launch to the command that starts it"
        raise ContradictionError("backend 'server' needs a server", fix, "server", "backend")
    if decoder.speculative_decoding:
        problem = "decoder.speculative_decoding is a setting of pytorch; a server has its own"
        fix = "remove it, and start the server with its draft model"
        raise ContradictionError(problem, fix, "decoder.speculative_decoding", "backend")
    if templated:
        problem = "apply_chat_template is for models in this process; a server applies its own chat template"
        fix = "set server.api: chat, and remove apply_chat_template"
        raise ContradictionError(problem, fix, "apply_chat_template", "backend")
    if traffic.rate is not None and n / traffic.rate > MOST_SECONDS:
        problem = f"{n} requests at traffic.rate {traffic.rate:g} take more than a day"
        raise ContradictionError(problem, "raise the rate or lower n", "traffic.rate", "n")
