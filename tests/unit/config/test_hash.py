"""The hash of a configuration: the same everywhere, changed by every setting, independent of the notation."""

from __future__ import annotations

import hashlib

from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.config.models import ExperimentConfig

# What the hash of the smallest configuration is made of, written out by hand.
CANONICAL = (
    '{"backend":"pytorch","baseline":{"duration_seconds":30.0,"enabled":true,"when":"before_load"},'
    '"dataset":"aienergyscore","decoder":{"decoding_strategy":"greedy","repetition_penalty":1.0,'
    '"speculative_decoding":false,"temperature":1.0,"top_p":1.0},"energy":{"backend":"auto"},'
    '"max_input_tokens":512,"max_output_tokens":128,"model":"builtin/tiny-llama","n":100,"precision":"bf16",'
    '"random_seed":42,"warmup":{"convergence_detection":false,"cv_threshold":0.05,"enabled":true,"max_new_tokens":16,'
    '"max_prompts":50,"n_warmup":5,"thermal_floor_seconds":60.0,"window_size":5}}'
)
RICH = {
    "model": "org/modèle", "n": 20, "precision": "fp16", "dataset": {"n": 20, "seed": 7}, "lora": {"adapter_id": "org/a"},
    "decoder": {"temperature": 0.7, "decoding_strategy": "sampling", "top_k": 50},
    "pytorch": {"batch_size": 4, "device_map": "auto", "max_memory": {0: "20GiB", "cpu": "60GiB"}},
    "passthrough_kwargs": {"z": None, "a": {"y": [1.5, True], "b": "ü"}},
}  # fmt: skip


def reversed_keys(value):
    if isinstance(value, dict):
        return {key: reversed_keys(inner) for key, inner in reversed(value.items())}
    return value


def test_it_is_the_start_of_the_sha256_of_the_canonical_json():
    expected = hashlib.sha256(CANONICAL.encode("ascii")).hexdigest()[:16]
    assert ExperimentConfig(model="builtin/tiny-llama").config_hash == expected == "e3c0cfc7003e9168"


def test_it_is_the_same_on_every_machine_and_python():
    assert ExperimentConfig.model_validate(RICH).config_hash == "ab5a9cf0d86ac93d"


def test_the_order_of_keys_does_not_matter():
    assert reversed_keys(RICH) == RICH
    assert list(reversed_keys(RICH)) != list(RICH)
    assert build_experiment_config(reversed_keys(RICH)).config_hash == build_experiment_config(RICH).config_hash


def test_writing_a_default_out_does_not_matter():
    plain = ExperimentConfig(model="m")
    written = build_experiment_config(
        {"model": "m", "n": 100, "decoder": {"temperature": 1}, "pytorch": {}, "lora": None, "passthrough_kwargs": {}}
    )
    assert written.config_hash == plain.config_hash


def test_an_explicit_choice_counts_even_when_it_is_the_effective_default():
    assert build_experiment_config({"model": "m", "pytorch": {"batch_size": 1}}).config_hash != (
        ExperimentConfig(model="m").config_hash
    )


def test_no_limit_is_another_choice_than_the_default_limit():
    assert ExperimentConfig(model="m", max_input_tokens=None).config_hash != ExperimentConfig(model="m").config_hash


def test_a_configuration_read_back_from_json_has_the_same_hash():
    config = ExperimentConfig.model_validate(RICH)
    again = ExperimentConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert again.config_hash == config.config_hash


def test_a_field_that_is_younger_than_the_first_release_changes_the_hash_only_when_it_is_set():
    plain, chat = (ExperimentConfig(model="builtin/tiny-llama", apply_chat_template=on) for on in (False, True))
    assert plain.config_hash == "e3c0cfc7003e9168"
    assert chat.config_hash != plain.config_hash


def test_a_shortest_window_is_part_of_it_only_when_it_is_set():
    plain = ExperimentConfig(model="builtin/tiny-llama")
    assert plain.model_copy(update={"min_duration_seconds": None}).config_hash == plain.config_hash
    longer = [ExperimentConfig(model="builtin/tiny-llama", min_duration_seconds=seconds) for seconds in (10, 60.0)]
    assert len({plain.config_hash, *(each.config_hash for each in longer)}) == 3


def test_the_sections_of_servers_do_not_change_the_hash_of_another_backend():
    written = build_experiment_config({"model": "builtin/tiny-llama", "server": None, "traffic": None, "slo": None})
    assert written.config_hash == "e3c0cfc7003e9168"


SERVED = {
    "model": "m", "backend": "server", "traffic": {"rate": 4, "mode": "poisson"}, "slo": {"ttft_p99_ms": 500},
    "server": {"launch": ["serve", "{model}", "--port", "{port}"], "arguments": {"max-num-seqs": 64, "revision": None}},
}  # fmt: skip


def test_that_of_a_server_has_its_sections_and_no_unset_argument():
    served = build_experiment_config(SERVED)
    assert served.config_hash == "31a79503d39759ad"
    without = build_experiment_config({**SERVED, "server": {**SERVED["server"], "arguments": {"max-num-seqs": 64}}})
    assert without.config_hash == served.config_hash
    others = [{"traffic": {"rate": 5, "mode": "poisson"}}, {"slo": {"ttft_p99_ms": 400}}, {"slo": None}]
    assert served.config_hash not in {build_experiment_config({**SERVED, **each}).config_hash for each in others}
