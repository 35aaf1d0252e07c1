"""The tokenizer of a server that offers its own: llama.cpp and vLLM do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llenergymeasure.core.backends.server.questions import NOT_YET, NoReplyError, Questions, Reply
from llenergymeasure.core.backends.server.tokens.outputs import LETTER, lengths_of_outputs
from llenergymeasure.core.backends.server.tokens.whole_texts import refused_chat_template
from llenergymeasure.exceptions import BackendError
from llenergymeasure.resilience import retry


@dataclass(frozen=True)
class Offer:
    """How a server offers its tokenizer: the fields of its requests and replies.

    Attributes:
        text: field with the text, of a request for tokens.
        with_special: field that says whether the special tokens of a prompt are added, such as beginning of sequence.
        back: field with the text, of the reply to tokens.
        names_model: whether a request names the model.
    """

    text: str
    with_special: str
    back: str
    names_model: bool = False


# `POST /tokenize` in https://github.com/ggml-org/llama.cpp/tree/master/tools/server, where the default is to add none, and
# `entrypoints/serve/tokenize/protocol.py` of vLLM 0.32, where it is to add them.
OFFERS: Mapping[str, Offer] = {
    "llama.cpp": Offer("content", "add_special", "content"),
    "vllm": Offer("prompt", "add_special_tokens", "prompt", names_model=True),
}


# The tries are 1, 2 and 4 s apart.
MOST_TRIES = 4


class _BusyError(Exception):
    """The server has no time for a question."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class TokenizerOfServer:
    """The tokenizer of a running server.

    Args:
        offer: how it offers it.
        ask: asks the server.
        served_model: the name of the model in requests.
        vocab_size: number of its ids; None when it does not report it.
        sleep: waits a number of seconds before a question is asked again.

    Raises:
        BackendError: it does not reply, or replies without tokens.
    """

    counts = True

    def __init__(
        self,
        offer: Offer,
        ask: Questions,
        served_model: str,
        vocab_size: int | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._offer, self._ask, self._vocab_size, self._sleep = offer, ask, vocab_size, sleep
        self._gave_up = False  # a server that did not reply after all tries is asked once only
        self._common = {"model": served_model} if offer.names_model else {}
        self._before, self._after = _around(self._ids(LETTER, with_special=False), self._ids(LETTER, with_special=True))
        self.bos_id = self._before[0] if self._before else None
        self.special_ids = frozenset((*self._before, *self._after))

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
        """The ids of each text as the server takes it as a prompt, with the special tokens that it adds."""
        return [self._ids(text, with_special=True) for text in texts]

    def output_lengths(self, texts: Sequence[str]) -> list[int]:
        return lengths_of_outputs(texts, self._lengths)

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        """Not possible: the chat template is the server's.

        Raises:
            BackendError: always.
        """
        raise refused_chat_template()

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids without the special tokens around them, which the server would write out and then add again."""
        own, before, after = list(ids), self._before, self._after
        start = len(before) if own[: len(before)] == before else 0
        stop = len(own) - (len(after) if own[len(own) - len(after) :] == after else 0)
        return str(self._of("/detokenize", {"tokens": own[start:stop]}).get(self._offer.back, ""))

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(self._ids(text, with_special=False)) for text in texts]

    def _ids(self, text: str, with_special: bool) -> list[int]:
        content = {self._offer.text: text, self._offer.with_special: with_special}
        return [int(each) for each in self._of("/tokenize", content).get("tokens") or ()]

    def _of(self, path: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            reply = retry(
                lambda: self._asked(path, content),
                passing=lambda error: isinstance(error, (NoReplyError, _BusyError)),
                attempts=1 if self._gave_up else MOST_TRIES,
                sleep=self._sleep,
            )
        except NoReplyError as error:
            self._gave_up = True
            raise BackendError(f"the server did not reply to {path}: {error}") from error
        except _BusyError as busy:
            self._gave_up, reply = True, busy.reply
        if not isinstance(reply.value, dict):
            raise BackendError(f"the server replied to {path} with status {reply.status}: {reply.text}")
        return reply.value

    def _asked(self, path: str, content: Mapping[str, Any]) -> Reply:
        reply = self._ask.post(path, {**self._common, **content})
        if reply.status in NOT_YET:
            raise _BusyError(reply)
        return reply


def tokenizer_of_server(
    engine: str, ask: Questions, served_model: str, vocab_size: int | None, sleep: Callable[[float], None] = time.sleep
) -> TokenizerOfServer | None:
    """The tokenizer that a server offers; None where it offers none, or does not reply."""
    offer = OFFERS.get(engine)
    if offer is None:
        return None
    try:
        return TokenizerOfServer(offer, ask, served_model, vocab_size, sleep)
    except BackendError:  # for example an older version, or a proxy in front of it
        return None


def _around(own: list[int], whole: list[int]) -> tuple[list[int], list[int]]:
    """The ids of a prompt before and after those of its text.

    Raises:
        BackendError: the text has none, or they are not in the prompt.
    """
    for start in range(len(whole) - len(own) + 1):
        if own and whole[start : start + len(own)] == own:
            return whole[:start], whole[start + len(own) :]
    raise BackendError(f"the server replied to /tokenize with {own} and with special tokens {whole} for the same text")
