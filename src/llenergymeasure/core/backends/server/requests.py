"""Makes the requests of an experiment from its prompts."""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.client.asked import Asked
from llenergymeasure.core.backends.server.client.bodies import Bodies, Prepared
from llenergymeasure.core.backends.server.client.engines import SERVERS
from llenergymeasure.core.backends.server.loaded import LoadedServer


class Requests:
    """The requests to one server.

    Each prompt is sent as token ids where the server takes them, else as text.

    Args:
        config: the experiment.
        server: the server.
    """

    def __init__(self, config: ExperimentConfig, server: LoadedServer) -> None:
        kind, api = SERVERS[server.engine], config.server_settings.effective_api
        self._bodies = Bodies(config, kind, api, server.served_model)
        self._tokenizer = server.tokenizer
        self._as_ids = kind.takes_ids and api == "completions" and server.tokenizer.counts
        self._prepared: dict[tuple[int, int | None], tuple[Sequence[int], Prepared]] = {}

    def make(self, prompt_index: int, ids: Sequence[int], max_new_tokens: int | None, number: int) -> Asked:
        """The request of a prompt, ready to send.

        Args:
            prompt_index: index of the prompt.
            ids: its ids.
            max_new_tokens: exact output length for a warm-up; None = as configured.
            number: another one for each request.
        """
        key = prompt_index, max_new_tokens
        ids_before, prepared = self._prepared.get(key, (None, None))
        if prepared is None or ids_before is not ids:
            prompt = list(ids) if self._as_ids else self._tokenizer.decode(ids)
            prepared = self._bodies.prepared(prompt_index, prompt, max_new_tokens)
            self._prepared[key] = ids, prepared
        return prepared.asked(number)
