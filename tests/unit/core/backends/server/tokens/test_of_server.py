"""The tokenizer of a running server."""

from __future__ import annotations

import pytest

from canned_server import canned_server
from llenergymeasure.core.backends.server.questions import Questions
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


@pytest.mark.parametrize(("engine", "answers"), [("llama.cpp", LLAMA_CPP), ("vllm", VLLM)])
def test_texts_and_ids_are_those_of_the_server(engine, answers):
    with canned_server(answers) as server:
        tokenizer = tokenizer_of_server(engine, Questions(server.url, {}), "m", 300)
        assert tokenizer.encode(["ab", "c"]) == [[1, 97, 98], [1, 99]]
        assert tokenizer.decode([97, 98]) == "ab"
        assert (tokenizer.vocab_size, tokenizer.counts) == (300, True)


@pytest.mark.parametrize(
    ("engine", "answers"), [("unknown", LLAMA_CPP), ("vllm", {}), ("vllm", {"/tokenize": (200, {})})]
)
def test_a_server_without_one_offers_none(engine, answers):
    with canned_server(answers) as server:
        assert tokenizer_of_server(engine, Questions(server.url, {}), "m", 300) is None


def test_an_error_of_the_server_is_named():
    with canned_server(LLAMA_CPP) as server:
        tokenizer = tokenizer_of_server("llama.cpp", Questions(server.url, {}), "m", None)
        server.answers["/tokenize"] = (500, {"error": "full"})
        with pytest.raises(BackendError, match=r'/tokenize with status 500: \{"error": "full"\}'):
            tokenizer.encode(["a"])
        with pytest.raises(BackendError, match=r"name the tokenizer in server\.tokenizer"):
            _ = tokenizer.vocab_size
