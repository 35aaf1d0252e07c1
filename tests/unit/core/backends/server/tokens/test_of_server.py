"""The tokenizer of a running server."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from canned_server import canned_server
from llenergymeasure.core.backends.server.questions import Questions, Reply
from llenergymeasure.core.backends.server.tokens.of_server import tokenizer_of_server
from llenergymeasure.exceptions import BackendError

LLAMA_CPP = {
    "/tokenize": (200, lambda sent: {"tokens": [1] * sent["add_special"] + [ord(each) for each in sent["content"]]}),
    "/detokenize": (200, lambda sent: {"content": "".join(map(chr, sent["tokens"]))}),
}
VLLM = {
    "/tokenize": (
        200,
        lambda sent: {"tokens": [1] * sent["add_special_tokens"] + [ord(each) for each in sent["prompt"]]},
    ),
    "/detokenize": (200, lambda sent: {"prompt": "".join(map(chr, sent["tokens"])) if sent["model"] == "m" else ""}),
}


BOTH = pytest.mark.parametrize(("engine", "answers"), [("llama.cpp", LLAMA_CPP), ("vllm", VLLM)])
WITHOUT_BOS = {**LLAMA_CPP, "/tokenize": (200, lambda sent: {"tokens": [ord(each) for each in sent["content"]]})}
WITH_END = {
    **LLAMA_CPP,
    "/tokenize": (
        200,
        lambda sent: {
            "tokens": [1] * sent["add_special"] + [ord(each) for each in sent["content"]] + [2] * sent["add_special"]
        },
    ),
}
OTHER_TEXT = (200, lambda sent: {"tokens": [5, 6] if sent["add_special"] else [7]})


@contextmanager
def tokenizer_at(engine, answers):
    with canned_server(answers) as server:
        yield tokenizer_of_server(engine, Questions(server.url, {}), "m", 300)


@BOTH
def test_texts_and_ids_are_those_of_the_server(engine, answers):
    with tokenizer_at(engine, answers) as tokenizer:
        assert tokenizer.decode([97, 98]) == "ab"
        assert (tokenizer.vocab_size, tokenizer.counts) == (300, True)


@BOTH
def test_a_prompt_has_the_beginning_of_sequence_that_the_server_adds_and_an_output_has_none(engine, answers):
    with tokenizer_at(engine, answers) as tokenizer:
        assert tokenizer.encode(["ab", "c"]) == [[1, 97, 98], [1, 99]]
        assert tokenizer.output_lengths(["ab", "c", ""]) == [2, 1, 0]
        assert (tokenizer.bos_id, tokenizer.special_ids) == (1, {1})


@BOTH
def test_the_text_of_a_prompt_is_without_the_beginning_of_sequence_which_the_server_adds_again(engine, answers):
    with tokenizer_at(engine, answers) as tokenizer:
        assert tokenizer.decode(tokenizer.encode(["ab"])[0]) == "ab"
        assert tokenizer.decode([1, 1, 97]) == "\x01a"  # one of them was in the text


def test_special_tokens_may_be_at_both_ends():
    with tokenizer_at("llama.cpp", WITH_END) as tokenizer:
        assert tokenizer.encode(["ab"]) == [[1, 97, 98, 2]]
        assert tokenizer.decode([1, 97, 98, 2]) == "ab"
        assert tokenizer.decode([1, 97]) == "a"  # a prompt that was cut
        assert (tokenizer.bos_id, tokenizer.special_ids) == (1, {1, 2})


def test_a_model_may_have_no_beginning_of_sequence():
    with tokenizer_at("llama.cpp", WITHOUT_BOS) as tokenizer:
        assert tokenizer.encode(["ab"]) == [[97, 98]]
        assert (tokenizer.bos_id, tokenizer.special_ids) == (None, frozenset())


@pytest.mark.parametrize(
    ("engine", "answers"),
    [
        ("unknown", LLAMA_CPP),
        ("vllm", {}),
        ("vllm", {"/tokenize": (200, {})}),
        ("llama.cpp", {"/tokenize": OTHER_TEXT}),
    ],
)
def test_a_server_without_one_offers_none(engine, answers):
    with canned_server(answers) as server:
        assert tokenizer_of_server(engine, Questions(server.url, {}), "m", 300) is None


class Busy:
    """A server that has no time for its first questions. It is asked again after growing pauses."""

    def __init__(self, busy: int) -> None:
        self.url, self.busy, self.asked, self.pauses_s = "http://here/v1", busy, 0, []

    def post(self, path, content):
        self.asked += 1
        if self.asked <= self.busy:
            return Reply(503, {}, b'{"error": "busy"}')
        return Reply(200, {}, json.dumps(LLAMA_CPP[path][1](content)).encode())

    def tokenizer(self):
        return tokenizer_of_server("llama.cpp", self, "m", None, self.pauses_s.append)


def test_a_busy_server_is_asked_again_after_growing_pauses():
    server = Busy(2)
    assert server.tokenizer().encode(["a"]) == [[1, 97]]
    assert len(server.pauses_s) == 2
    assert server.pauses_s[0] < server.pauses_s[1]


def test_a_server_that_stays_busy_is_given_up_and_later_asked_once():
    server = Busy(0)
    tokenizer = server.tokenizer()
    server.asked, server.busy = 0, 100
    for tries in (4, 1, 1):
        before = server.asked
        with pytest.raises(BackendError, match="/tokenize with status 503: busy"):
            tokenizer.output_lengths(["b"])
        assert server.asked - before == tries


def test_an_error_of_the_server_is_named():
    with canned_server(LLAMA_CPP) as server:
        tokenizer = tokenizer_of_server("llama.cpp", Questions(server.url, {}), "m", None)
        server.answers["/tokenize"] = (500, {"error": "full"})
        with pytest.raises(BackendError, match=r"/tokenize with status 500: full"):
            tokenizer.encode(["a"])
        with pytest.raises(BackendError, match=r"name the tokenizer in server\.tokenizer"):
            _ = tokenizer.vocab_size
