"""What servers report about themselves."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.questions import NoReplyError, Reply
from llenergymeasure.core.backends.server.report import report_of, version_in

LABELS = (
    'block_size="16",cache_dtype="auto",enable_prefix_caching="True",gpu_memory_utilization="0.9",num_gpu_blocks="512",'
    'sliding_window="None"'
)
METRICS = f"# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{{{LABELS}}} 1.0\n".encode()
PROPS = {
    "default_generation_settings": {"n_ctx": 2048, "params": {"top_k": 40}},
    "total_slots": 4,
    "model_path": "/models/a.gguf",
    "build_info": "b6700-abc",
    "chat_template": "long",
}


class Asks:
    def __init__(self, reply=None):
        self._reply = reply

    def get(self, path):
        assert path == "/metrics"
        if self._reply is None:
            raise NoReplyError("no")
        return self._reply


def test_vllm_reports_the_settings_of_its_cache():
    report = report_of("vllm", Asks(Reply(200, {}, METRICS)), {"id": "a", "max_model_len": 512}, {})
    assert report.settings == {
        "max_model_len": 512,
        "block_size": 16,
        "cache_dtype": "auto",
        "enable_prefix_caching": True,
        "gpu_memory_utilization": 0.9,
        "num_gpu_blocks": 512,
    }
    assert report.positions == 512


def test_vllm_without_metrics_reports_its_longest_sequence():
    assert report_of("vllm", Asks(), {"id": "a", "max_model_len": 512}, {}).settings == {"max_model_len": 512}


def test_llama_cpp_reports_its_slots_and_the_sizes_of_the_model():
    entry = {"id": "a", "meta": {"n_params": 134515008, "n_vocab": 49152}}
    report = report_of("llama.cpp", Asks(), entry, {"/props": PROPS})
    assert report.settings == {
        "total_slots": 4,
        "model_path": "/models/a.gguf",
        "build_info": "b6700-abc",
        "n_ctx": 2048,
    }
    assert (report.n_parameters, report.vocab_size, report.positions, report.most_requests) == (
        134515008,
        49152,
        2048,
        4,
    )


def test_of_sglang_the_arguments_of_one_value_are_kept():
    answers = {
        "/get_server_info": {"version": "0.5", "max_running_requests": 64, "internal_states": [{}], "tp_size": 2}
    }
    report = report_of("sglang", Asks(), {"id": "a"}, answers)
    assert report.settings == {"version": "0.5", "max_running_requests": 64, "tp_size": 2}
    assert report.most_requests == 64


def test_an_unknown_server_reports_nothing():
    report = report_of("unknown", Asks(), {}, {"/version": {"version": "1"}})
    assert (report.settings, report.n_parameters) == ({}, None)


def test_the_version_is_found_under_each_name():
    assert version_in({"/version": {"version": "0.32.0"}}) == ("0.32.0", None)
    assert version_in({"/props": PROPS}) == ("b6700-abc", None)
    assert version_in({"/api/version": {"version": 3}, "/info": []}) == (None, "the server reports no version")


@pytest.mark.parametrize("said", ["b0-unknown", "unknown", "0.0.0", "dev", "0.0.0.dev0", "?", "b0-unknown-dirty"])
def test_a_version_without_a_number_or_a_commit_is_none(said):
    assert version_in({"/props": {"build_info": said}}) == (None, f"the server reports {said}, which is no version")


@pytest.mark.parametrize("said", ["", " "])
def test_an_empty_version_is_none(said):
    assert version_in({"/version": {"version": said}}) == (None, "the server reports no version")


@pytest.mark.parametrize("said", ["b6700-unknown", "b0-1a2b3c4", "0.0.1", "0.1.dev10+g1a2b3c4", "v0.5.0", "1.2.0-0"])
def test_a_version_with_a_number_or_a_commit_is_kept(said):
    assert version_in({"/version": {"version": said}}) == (said, None)


def test_of_two_versions_the_one_that_says_something_is_kept():
    assert version_in({"/version": {"version": "unknown"}, "/props": PROPS}) == ("b6700-abc", None)


# Arguments of SGLang's `server_args.py` and of TGI's /info; the first of each differ from start to start.
OF_ONE_START = {
    "host": "127.0.0.1", "port": 41234, "nccl_port": 5555, "dist_init_addr": "127.0.0.1:50000", "random_seed": 123456,
    "tokenizer_ipc_name": "ipc:///tmp/x", "pid": 4711, "start_time": 1.7e9, "uds": "/tmp/x.sock",
    "dist_backend_at": "tcp://127.0.0.1:41235", "metrics": "localhost:9000",
}  # fmt: skip
OF_THE_SERVER = {
    "model_path": "/models/a", "tp_size": 2, "mem_fraction_static": 0.88, "watchdog_timeout": 300, "schedule_policy": "fcfs",
    "disable_radix_cache": True, "decode_log_interval": 40, "max_running_requests": 64, "host_memory_ratio": 2.0,
    "warmup_time_limit": 3, "served_model_name": "qwen:0.5b", "weights": "s3://bucket/model",
}  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "answers"),
    [
        ("sglang", {"/get_server_info": {**OF_ONE_START, **OF_THE_SERVER}}),
        ("tgi", {"/info": {**OF_ONE_START, **OF_THE_SERVER}}),
    ],
)
def test_settings_of_one_start_are_left_out(engine, answers):
    assert report_of(engine, Asks(), {}, answers).settings == OF_THE_SERVER


def test_settings_of_one_start_are_left_out_of_the_labels_of_vllm():
    metrics = b'vllm:cache_config_info{block_size="16",host="10.0.0.1",master_port="29500"} 1.0\n'
    assert report_of("vllm", Asks(Reply(200, {}, metrics)), {}, {}).settings == {"block_size": 16}


def test_the_keys_of_a_server_are_no_settings():
    arguments = {"api_key": "correcthorse", "admin_api_key": "battery", "tp_size": 2, "stream_interval": 1}
    report = report_of("sglang", Asks(), {}, {"/get_server_info": arguments})
    assert report.settings == {"tp_size": 2, "stream_interval": 1}
