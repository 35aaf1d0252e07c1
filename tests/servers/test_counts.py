"""What is counted here is what the servers themselves have counted."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.questions import Questions
from llenergymeasure.core.backends.server.tokens.of_server import tokenizer_of_server
from llenergymeasure.models.builtin import builtin_model_path
from real_servers import SMOLLM2, a_served_model, counted

pytestmark = pytest.mark.slow

# Parts of answers.
OUTPUTS = [" Paris", "\n\nThe", "s"]
TEXTS = ["The capital of France is", "One, two, three,", "Once upon a time, in a far away country, there was", "A"]
LLAMA_CPP = ("llamacpp:prompt_tokens_total", "llamacpp:tokens_predicted_total")
VLLM = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total")
WHOLE = {"traffic.window": "total", "traffic.concurrency": 2}


def check(engine, names):
    """The records of a run against the differences of the server's counters."""
    batches = engine.prepare(engine.tokenizer.encode(TEXTS))
    before = [counted(engine.server.url, name) for name in names]
    records = engine.run(batches).records()
    after = [counted(engine.server.url, name) for name in names]
    own = [sum(getattr(one, name) for one in records.requests) for name in ("input_tokens", "output_tokens")]
    assert own == [late - early for early, late in zip(before, after)]
    assert {request.prompt_index for request in records.requests} == set(range(len(TEXTS)))
    assert records.traffic.failures == ()
    assert not any(request.counted_here for request in records.requests)
    for request in records.requests:
        assert request.output_tokens == 16
        assert 1 <= request.n_events <= request.token_counts[-1] == 16
        assert list(request.token_times_s) == sorted(request.token_times_s)
        # Not `<` for the second: a busy machine may read a whole answer at once.
        assert request.scheduled_s < request.first_token_s <= request.finished_s
    return records


def test_of_llama_cpp(llama_cpp):
    with a_served_model(SMOLLM2, llama_cpp, min_output_tokens=16, **WHOLE) as engine:
        server = engine.server
        assert (server.engine, server.was_launched, engine.info.device) == ("llama.cpp", True, "cpu")
        assert server.version or "the server reports" in server.version_reason
        assert engine.info.n_parameters == 134515008
        assert server.processes.memory_mb() > 50
        records = check(engine, LLAMA_CPP)
        lengths = {index: len(ids) for index, ids in enumerate(engine.tokenizer.encode(TEXTS))}
        assert {one.prompt_index: one.input_tokens for one in records.requests} == lengths
        before_s = server.processes.cpu_seconds()
        check(engine, LLAMA_CPP)
        assert server.processes.cpu_seconds() > before_s


def test_of_llama_cpp_with_a_model_that_begins_with_the_beginning_of_sequence(llama_cpp, tmp_path):
    model = that_begins_with_bos(tmp_path / "model.gguf")
    with a_served_model(str(model), llama_cpp, min_output_tokens=16, **WHOLE) as engine:
        tokenizer = engine.tokenizer
        prompts = tokenizer.encode(TEXTS)
        assert {ids[0] for ids in prompts} == {tokenizer.bos_id}
        assert tokenizer.output_lengths(TEXTS) == [len(ids) - 1 for ids in prompts]
        assert [tokenizer.decode(ids) for ids in prompts] == TEXTS
        records = check(engine, LLAMA_CPP)
        assert {one.prompt_index: one.input_tokens for one in records.requests} == dict(enumerate(map(len, prompts)))


def that_begins_with_bos(path):
    """A copy of the model whose tokenizer adds the beginning of sequence: one byte of its metadata, after the name and the type."""
    content = bytearray(builtin_model_path(SMOLLM2).read_bytes())
    name = b"tokenizer.ggml.add_bos_token"
    place = content.index(name) + len(name) + 4
    assert content[place] == 0
    content[place] = 1
    path.write_bytes(content)
    return path


def test_of_llama_cpp_with_chat(llama_cpp):
    with a_served_model(SMOLLM2, llama_cpp, min_output_tokens=16, **WHOLE, **{"server.api": "chat"}) as engine:
        check(engine, LLAMA_CPP)


def test_of_vllm(vllm):
    with a_served_model("builtin/tiny-llama", vllm, min_output_tokens=16, **WHOLE) as engine:
        assert (engine.server.engine, engine.info.max_positions) == ("vllm", 512)
        assert engine.server.version
        check(engine, VLLM)
        check(engine, VLLM)
        own = tokenizer_of_server("vllm", Questions(engine.server.url, {}), engine.server.served_model, None)
        check_against_file(own, engine.tokenizer)


def check_against_file(own, of_file):
    """The tokenizer of a server against the model's tokenizer.json."""
    prompts = of_file.encode(TEXTS)
    assert own.encode(TEXTS) == prompts
    assert own.output_lengths([*TEXTS, *OUTPUTS]) == of_file.output_lengths([*TEXTS, *OUTPUTS])
    assert own.bos_id == prompts[0][0]
    assert [own.decode(ids) for ids in prompts] == TEXTS
