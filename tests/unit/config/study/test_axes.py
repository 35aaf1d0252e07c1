"""What an axis may be, and one clear message with the place for what it may not be."""

from __future__ import annotations

import pytest

from llenergymeasure.config.study.axes import parse_sweep
from llenergymeasure.exceptions import ConfigError

WRONG = {
    "a typo": ("precison: [fp16]", "line 3, column 3: precison: there is no such field; did you mean 'precision'?"),
    "a typo in a section": (
        "pytorch.bacth_size: [1]",
        "pytorch.bacth_size: there is no such field; did you mean 'pytorch.batch_size'?",
    ),
    "a typo in the name of a section": ("pytorc.batch_size: [1]", "did you mean 'pytorch'?"),
    "a field of a section": ("batch_size: [1]", "batch_size: there is no such field; did you mean 'pytorch.batch_size'?"),
    "split at the first dot only": ("pytorch.max_memory.cpu: [1GiB]", "pytorch.max_memory.cpu: there is no such field"),
    "an argument without a name": ("server.arguments.: [1]", "server.arguments.: there is no such field"),
    "below a field of a server": ("server.url.host: [a]", "server.url.host: there is no such field"),
    "an old name": ("model_name: [a]", "'model_name' is now called 'model'; rename it"),
    "no name": ("'': [1]", '"" lacks a name; write the name of a field'),
    "a number as name": ("1: [1]", "1 is not the name of a field; quote it if it is text"),
    "empty": ("precision: []", "precision has no values; list at least one, or remove the axis"),
    "a value": ("precision: fp16", 'precision is "fp16", not a list of values; write precision: ["fp16"]'),
    "values without brackets": ("pytorch.batch_size: 1, 8", "write pytorch.batch_size: [1, 8]"),
    "null": ("precision:", "precision is null, not a list of values"),
    "a mapping": (
        "pytorch: {batch_size: [1, 8]}",
        "pytorch is a mapping, not a list of values; write pytorch.batch_size: [...]",
    ),
    "a value twice": ("n: [1, 2, 1]", 'line 3, column 13: n: 1 is listed twice; keep one'),
    "a section twice": ("decoder: [{top_k: 5}, {top_k: 5}]", "is listed twice; keep one"),
    "a list too short": (
        "n, random_seed: [[1, 2], [3]]",
        "column 28: n, random_seed: [3] is not a list of 2 values, one for each of n, random_seed",
    ),
    "a wrong type": ("n: [1, two]", 'line 3, column 10: n: "two": a whole number is needed'),
    "a number that is a switch": ("n: [true, 2]", "n: true: a whole number is needed"),
    "out of bounds": ("n: [1, 0]", "line 3, column 10: n: 0: must be greater than or equal to 1"),
    "an unknown choice": ("precision: [fp16, bf61]", "did you mean 'bf16'?"),
    "wrong among fields named together": ("n, random_seed: [[1, x]]", 'column 24: random_seed: "x": a whole number is needed'),
    "a typo in a section as value": ("decoder: [{temprature: 1}]", "decoder.temprature: there is no such field"),
    "a credential": ("passthrough_kwargs.hf_token: [hf_abcdEFGH1234]", "HF_TOKEN"),
    "an unknown backend": ("backend: [pytorch, vlm]", "did you mean 'vllm'?"),
    "a backend that is a list": ("backend: [[pytorch], vllm]", "backend: [\"pytorch\"]: "),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_axis_is_refused_with_its_place(complaint, case):
    axis, words = WRONG[case]
    message = complaint(f"model: m\nsweep:\n  {axis}\n")
    assert message.startswith("study.yaml, line 3, column ")
    assert words in message
    assert "hf_abcdEFGH1234" not in message


@pytest.mark.parametrize("sweep", ["", " {}", " [1]", " 5", " text"])
def test_a_sweep_without_an_axis_is_refused(complaint, sweep):
    message = complaint(f"model: m\nsweep:{sweep}\n")
    assert "but needs at least one axis; write one `field: [value, value]` per axis below it" in message


def test_every_wrong_axis_is_reported_at_once(complaint):
    message = complaint("model: m\nsweep:\n  precison: [fp16]\n  n: []\n")
    assert message.startswith("2 problems in study.yaml\n")


def test_every_wrong_value_is_reported_once(complaint):
    message = complaint("model: m\nsweep:\n  precision: [fp16, bf16]\n  n: [0, -1, 4]\n")
    assert message.splitlines() == [
        "2 problems in study.yaml",
        "- line 4, column 7: n: 0: must be greater than or equal to 1",
        "- line 4, column 10: n: -1: must be greater than or equal to 1",
    ]


LAUNCHED = "model: m\nbackend: server\nserver: {launch: [serve, '{port}'], arguments: {enforce-eager: true}}\n"


def test_an_argument_of_a_server_is_an_axis_beside_its_other_arguments(study):
    found = study(
        f"{LAUNCHED}sweep: {{server.arguments.max-num-seqs: [64, 256], server.arguments.a.b: [x, y]}}\n"
    ).experiments
    assert [each.server.arguments for each in found] == [
        {"enforce-eager": True, "max-num-seqs": seqs, "a.b": other} for seqs in (64, 256) for other in ("x", "y")
    ]


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (
            "server.arguments.enforce-eager: [true, false]",
            "enforce-eager is an axis of the sweep, and is also set",
        ),
        ("server.arguments: [{enforce-eager: false}]", "server.arguments.enforce-eager is an axis"),
        (
            "server.arguments.a: [1, 2], server.arguments: [{a: 1}, {b: 1}]",
            "server.arguments.a is also set by the axis server.arguments.a; remove one",
        ),
        ("server.arguments.a: [1, [2]]", "server.arguments.a: "),
        ("server.arguments.api-key: [a]", "arguments may not hold 'api-key'"),
        ("pytorch.batch_size: [1, 2]", "applies to no cell: the backend is server; set backend: pytorch"),
    ],
)
def test_an_axis_of_a_server_that_cannot_be_is_refused(complaint, axes, words):
    message = complaint(f"{LAUNCHED}sweep: {{{axes}}}\n")
    assert message.startswith("study.yaml, line ")
    assert words in message


def test_names_and_values_beyond_ascii_null_switches_and_lists_are_kept(study):
    found = study(
        "sweep:\n  model: [modèle, 模型]\n  max_input_tokens: [null, 5]\n  pytorch.use_cache: [yes, no]\n"
    ).experiments
    assert [each.model for each in found[::4]] == ["modèle", "模型"]
    assert [each.max_input_tokens for each in found[:4:2]] == [None, 5]
    assert [each.pytorch.use_cache for each in found[:2]] == [True, False]
    kwargs = study("model: m\nsweep: {passthrough_kwargs.bad_words_ids: [[[1, 2]], [[3]]]}\n").experiments
    assert [each.passthrough_kwargs["bad_words_ids"] for each in kwargs] == [[[1, 2]], [[3]]]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("pytorch.batch_size=1,8,32", [{"pytorch.batch_size": 1}, {"pytorch.batch_size": 8}, {"pytorch.batch_size": 32}]),
        ("precision = fp16 , bf16", [{"precision": "fp16"}, {"precision": "bf16"}]),
        ("max_input_tokens=null,512", [{"max_input_tokens": None}, {"max_input_tokens": 512}]),
        ("n,random_seed=[1, 2],[3, 4]", [{"n": 1, "random_seed": 2}, {"n": 3, "random_seed": 4}]),
        ("server.arguments.max-num-seqs=64,128",
         [{"server.arguments.max-num-seqs": 64}, {"server.arguments.max-num-seqs": 128}]),
        ("server.arguments={},{a: 1}", [{"server.arguments": {}}, {"server.arguments.a": 1}]),
        ("traffic.rate,slo.ttft_p99_ms=[1, 2]", [{"traffic.rate": 1, "slo.ttft_p99_ms": 2}]),
        ("decoder={},{top_k: 5, decoding_strategy: sampling}",
         [{"decoder": {}}, {"decoder.top_k": 5, "decoder.decoding_strategy": "sampling"}]),
    ],
)  # fmt: skip
def test_an_axis_of_the_command_line_is_a_name_and_yaml_values(text, values):
    assert [dict(value.assignment) for value in parse_sweep(text).values] == values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n", 'sweep "n" is not KEY=V1,V2; for example pytorch.batch_size=1,8,32'),
        ("=1,2", "is not KEY=V1,V2"),
        ("n=", "is not KEY=V1,V2"),
        ("n=[1", "--sweep n is not understood"),
        ("n=010,2", "010 is not a plain decimal number"),
        ("n=1,1", "--sweep: n: 1 is listed twice"),
        ("precison=fp16", "--sweep: precison: there is no such field; did you mean 'precision'?"),
    ],
)
def test_an_axis_of_the_command_line_that_is_not_understood_is_shown_with_an_example(text, words):
    with pytest.raises(ConfigError) as caught:
        parse_sweep(text)
    assert words in str(caught.value)


def test_an_axis_of_backends_that_are_no_names_is_refused(complaint):
    assert 'backend: {"a": 1}: valid: pytorch, vllm, tensorrt, server' in complaint(
        "model: m\nsweep: {backend: [{a: 1}, pytorch]}\n"
    )


def test_long_names_and_values_are_cut_in_messages(complaint):
    long = "x" * 5000
    messages = [
        complaint(f"model: m\nsweep: {{{long}: [1]}}\n"),
        complaint(f"model: m\nsweep: {{n: [{long}]}}\n"),
        complaint(f"model: m\nsweep: {{n: [1]}}\nreference: {{n: {long}}}\n"),
        complaint(f"sweep: {{model: [{long}, m]}}\nexclude: [{{model: m, n: 1}}]\n"),
        complaint(f"base: {long}\nsweep: {{n: [1]}}\n"),
    ]
    assert [message for message in messages if len(message) > 700] == []
