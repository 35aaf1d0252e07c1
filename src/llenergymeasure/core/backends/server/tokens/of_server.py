"""The tokenizer of a server that offers its own: llama.cpp and vLLM do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llenergymeasure.core.backends.server.questions import NoReplyError, Questions
from llenergymeasure.core.backends.server.tokens.whole_texts import refused_chat_template
from llenergymeasure.exceptions import BackendError


@dataclass(frozen=True)
class Offer:
    """How a server offers its tokenizer: the fields of its requests and replies.

    Attributes:
        text: field with the text, of a request for tokens.
        with_special: field that asks for the special tokens around it.
        back: field with the text, of the reply to tokens.
        names_model: whether a request names the model.
    """

    text: str
    with_special: str
    back: str
    names_model: bool = False


# https://github.com/ggml-org/llama.cpp/tree/master/tools/server and https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
OFFERS: Mapping[str, Offer] = {
    "llama.cpp": Offer("content", "add_special", "content"),
    "vllm": Offer("prompt", "add_special_tokens", "prompt", names_model=True),
}


class TokenizerOfServer:
    """The tokenizer of a running server.

    Args:
        offer: how it offers it.
        ask: asks the server.
        served_model: the name of the model in requests.
        vocab_size: number of its ids; None when it does not report it.
    """

    counts = True
    bos_id: int | None = None
    special_ids: frozenset[int] = frozenset()

    def __init__(self, offer: Offer, ask: Questions, served_model: str, vocab_size: int | None) -> None:
        self._offer, self._ask, self._vocab_size = offer, ask, vocab_size
        self._common = {"model": served_model} if offer.names_model else {}

    @property
    def vocab_size(self) -> int:
        """Number of ids.

        Raises:
            BackendError: the server does not report it.
        """
        if self._vocab_size is None:
            raise BackendError(
                "the server does not report the size of its vocabulary, which a synthetic dataset needs; "
                "name the tokenizer in server.tokenizer, or use a dataset of texts"
            )
        return self._vocab_size

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        fields = {self._offer.with_special: True}
        replies = (self._of("/tokenize", {self._offer.text: text, **fields}).get("tokens") for text in texts)
        return [[int(each) for each in tokens or ()] for tokens in replies]

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        """Not possible: the chat template is the server's.

        Raises:
            BackendError: always.
        """
        raise refused_chat_template()

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._of("/detokenize", {"tokens": list(ids)}).get(self._offer.back, ""))

    def _of(self, path: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            reply = self._ask.post(path, {**self._common, **content})
        except NoReplyError as error:
            raise BackendError(f"the server did not reply to {path}: {error}") from error
        if not isinstance(reply.value, dict):
            raise BackendError(f"the server replied to {path} with status {reply.status}: {reply.text}")
        return reply.value


def tokenizer_of_server(
    engine: str, ask: Questions, served_model: str, vocab_size: int | None
) -> TokenizerOfServer | None:
    """The tokenizer that a server offers; None where it offers none, or does not reply."""
    offer = OFFERS.get(engine)
    if offer is None:
        return None
    found = TokenizerOfServer(offer, ask, served_model, vocab_size)
    try:
        return found if found.encode(["a"])[0] else None
    except BackendError:  # for example an older version, or a proxy in front of it
        return None
