"""What servers report about themselves."""

from __future__ import annotations

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
    assert version_in({"/version": {"version": "0.32.0"}}) == "0.32.0"
    assert version_in({"/props": PROPS}) == "b6700-abc"
    assert version_in({"/api/version": {"version": 3}, "/info": []}) is None


def test_the_keys_of_a_server_are_no_settings():
    arguments = {"api_key": "correcthorse", "admin_api_key": "battery", "tp_size": 2, "stream_interval": 1}
    report = report_of("sglang", Asks(), {}, {"/get_server_info": arguments})
    assert report.settings == {"tp_size": 2, "stream_interval": 1}
