"""Axes become cells, in the order of the file; an axis of a backend's section multiplies only that backend's cells."""

from __future__ import annotations

import pytest

from llenergymeasure.config.study.grid import MAX_CELLS


def test_axes_multiply_in_the_order_of_the_file_and_the_last_changes_fastest(study):
    found = study("model: m\nsweep:\n  precision: [fp16, bf16]\n  pytorch.batch_size: [1, 8]\n").experiments
    expected = [("fp16", 1), ("fp16", 8), ("bf16", 1), ("bf16", 8)]
    assert [(each.precision, each.pytorch.batch_size) for each in found] == expected


def test_fields_named_together_move_together(study):
    found = study("model: m\nsweep:\n  max_input_tokens, max_output_tokens: [[128, 64], [1024, 256]]\n").experiments
    assert [(each.max_input_tokens, each.max_output_tokens) for each in found] == [(128, 64), (1024, 256)]


def test_a_value_of_an_axis_may_be_a_whole_section(study):
    found = study(
        "model: m\ndecoder: {repetition_penalty: 1.1}\n"
        "sweep:\n  decoder: [{}, {decoding_strategy: beam, num_beams: 3}]\n  dataset: [aienergyscore, {n: 200}]\n"
    ).experiments
    assert [(each.decoder.beams, each.decoder.repetition_penalty) for each in found] == [(1, 1.1)] * 2 + [(3, 1.1)] * 2
    assert [isinstance(each.dataset, str) for each in found] == [True, False, True, False]


def test_two_backends_with_their_own_axes_are_ten_cells(study):
    found = study(
        "model: m\nsweep:\n  backend: [pytorch, vllm]\n  precision: [fp16, bf16]\n"
        "  pytorch.batch_size: [1, 8, 32]\n  vllm.max_num_seqs: [64, 256]\n"
    ).experiments
    assert [each.backend for each in found] == ["pytorch"] * 6 + ["vllm"] * 4
    assert [each.vllm for each in found[:6]] == [None] * 6
    assert [each.pytorch for each in found[6:]] == [None] * 4


def test_the_backend_may_be_fixed_for_all_cells(study):
    found = study("model: m\nbackend: vllm\nsweep: {vllm.max_num_seqs: [64, 256]}\n").experiments
    assert [(each.backend, each.vllm.max_num_seqs) for each in found] == [("vllm", 64), ("vllm", 256)]


def test_a_common_section_of_a_backend_belongs_to_its_own_cells(study):
    found = study("model: m\npytorch: {use_cache: false}\nsweep: {backend: [pytorch, vllm]}\n").experiments
    assert [each.pytorch and each.pytorch.use_cache for each in found] == [False, None]


BOTH = "model: m\nserver: {url: http://127.0.0.1:8000/v1}\ntraffic: {window: total}\nslo: {itl_p99_ms: 50}\n"


def test_traffic_and_slo_belong_to_the_cells_of_the_server(study):
    found = study(f"{BOTH}sweep: {{backend: [pytorch, server], traffic.concurrency: [1, 4]}}\n").experiments
    assert [(each.backend, each.traffic and each.traffic.concurrency) for each in found] == [
        ("pytorch", None), ("server", 1), ("server", 4),
    ]  # fmt: skip
    assert [each.slo and each.slo.itl_p99_ms for each in found] == [None, 50, 50]
    assert [each.traffic and each.traffic.window for each in found] == [None, "total", "total"]


def test_a_mode_and_its_rate_are_named_together(study):
    text = BOTH.replace("traffic: {window: total}\n", "backend: server\n")
    axis = "traffic.mode, traffic.rate, traffic.concurrency: [[constant, 2, null], [concurrency, null, 4]]"
    found = study(f"{text}sweep: {{'{axis.partition(':')[0]}':{axis.partition(':')[2]}}}\n").experiments
    assert [(each.traffic.mode, each.traffic.rate, each.traffic.concurrency) for each in found] == [
        ("constant", 2, None), ("concurrency", None, 4),
    ]  # fmt: skip


def test_fields_of_a_server_and_of_its_traffic_may_be_named_together(study):
    text = f"{BOTH}sweep:\n  backend: [pytorch, server]\n  server.api, traffic.concurrency: [[chat, 1], [completions, 2]]\n"
    assert [each.backend for each in study(text).experiments] == ["pytorch", "server", "server"]


def test_an_axis_of_a_backend_may_precede_the_axis_of_backends(study):
    found = study("model: m\nsweep:\n  pytorch.batch_size: [1, 8]\n  backend: [pytorch, vllm]\n").experiments
    expected = [("pytorch", 1), ("vllm", None), ("pytorch", 8)]
    assert [(each.backend, each.pytorch and each.pytorch.batch_size) for each in found] == expected


def test_the_backend_may_be_named_together_with_another_field(study):
    found = study(
        "model: m\nsweep:\n  backend, precision: [[pytorch, fp32], [vllm, fp16]]\n  pytorch.batch_size: [1, 8]\n"
    ).experiments
    expected = [("pytorch", "fp32"), ("pytorch", "fp32"), ("vllm", "fp16")]
    assert [(each.backend, each.precision) for each in found] == expected


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (
            "  vllm.max_num_seqs: [1]\n",
            "vllm.max_num_seqs: applies to no cell: the backend is pytorch; set backend: vllm",
        ),
        (
            "  backend: [pytorch, vlm]\n  vllm.max_num_seqs: [1]\n",
            "applies to no cell: the backend is pytorch, vlm; did you mean 'vlm'?",
        ),
        (
            "  backend: [pytorch, vllm]\n  precision, pytorch.batch_size: [[fp16, 1]]\n",
            "fields of one backend cannot be named together with other fields; write two axes",
        ),
        (
            "  pytorch.batch_size, vllm.max_num_seqs: [[1, 1]]\n",
            "fields of one backend cannot be named together with other fields; write two axes",
        ),
        (
            "  traffic.rate: [1]\n",
            "traffic.rate: applies to no cell: the backend is pytorch; set backend: server",
        ),
        (
            "  backend: [pytorch, server]\n  n, traffic.concurrency: [[1, 1]]\n",
            "fields of one backend cannot be named together with other fields; write two axes",
        ),
        ("  n: [1]\n  n, random_seed: [[1, 2]]\n", "n, random_seed: n is also set by the axis n; remove one"),
        (
            "  decoder: [{top_k: 5}]\n  decoder.top_k: [5]\n",
            "decoder.top_k is also set by the axis decoder; remove one",
        ),
    ],
)
def test_axes_that_do_not_go_together_are_refused(complaint, axes, words):
    message = complaint(f"model: m\nsweep:\n{axes}")
    assert message.startswith("study.yaml, line ")
    assert words in message


def test_more_cells_than_the_limit_are_refused_before_they_are_built(complaint):
    names = ("n", "random_seed", "max_output_tokens", "max_input_tokens", "pytorch.batch_size")
    axes = "".join(f"  {name}: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" for name in names)
    message = complaint(f"model: m\nsweep:\n{axes}")
    assert message == f"study.yaml: the sweep has 100,000 cells, more than {MAX_CELLS:,}; list fewer values"
