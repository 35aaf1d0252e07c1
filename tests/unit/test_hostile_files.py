"""Every reader of files against files that are damaged or hostile: the documented refusal, quickly, and nothing else."""

from __future__ import annotations

import hashlib
import json
import struct
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import ValidationError

from a_result import a_result
from hostile import DEEP, LONG_NUMBER, as_json, broken_files, damaged, hostile_values
from llenergymeasure._files import machine_mark
from llenergymeasure.config.files.yaml import read_document
from llenergymeasure.config.loader import build_experiment_config, parse_override
from llenergymeasure.config.messages.explain import explain_validation_error
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.load import explain_study_error, load_study_config
from llenergymeasure.config.user_config import load_user_config, resolve_runner
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.sensors import COLUMNS, TimeSeries
from llenergymeasure.domain.study.factors import factors_and_cells
from llenergymeasure.exceptions import AggregationError, ConfigError
from llenergymeasure.orchestration.model.vram import estimate_for
from llenergymeasure.orchestration.model.weights import local_weights_bytes, weight_findings
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import read_process_results
from llenergymeasure.state.machine import FOLDER, StateManager

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "result-2.0.json").read_text(encoding="utf-8"))
EXPERIMENT = {
    "model": "builtin/tiny-llama", "n": 4, "dataset": {"n": 5, "input_len": 8, "output_len": 4, "seed": 1},
    "decoder": {"temperature": 0.5, "decoding_strategy": "beam", "num_beams": 3}, "energy": {"backend": None},
    "warmup": {"n_warmup": 1, "thermal_floor_seconds": 0}, "baseline": {"enabled": False, "duration_seconds": 3.0},
    "pytorch": {"batch_size": 2, "device_map": "auto", "max_memory": {"cpu": "1GB"}},
    "passthrough_kwargs": {"a": {"b": [1, 2]}},
}  # fmt: skip
STUDY = {"version": 1, "base": EXPERIMENT, "experiments": [{"n": 2}, {"n": 3, "pytorch": {"batch_size": 1}}]}
SWEPT = {
    "name": "s",
    "model": "builtin/tiny-llama",
    "base": {"n": 4, "pytorch": {"device": "cpu"}},
    "sweep": {
        "backend": ["pytorch", "vllm"],
        "precision": ["bf16", "fp16"],
        "pytorch.batch_size": [1, 2],
        "vllm.max_num_seqs": [3, 4],
        "max_input_tokens, max_output_tokens": [[8, 4], [16, 8]],
        "decoder": [{}, {"decoding_strategy": "beam", "num_beams": 3}],
        "passthrough_kwargs.a": [None, [1, 2]],
    },
    "exclude": [{"precision": "fp16", "pytorch.batch_size": 2}, {"decoder": {"num_beams": 3}, "backend": "vllm"}],
    "reference": {
        "precision": "bf16",
        "pytorch": {"batch_size": 2},
        "max_output_tokens": 8,
        "decoder.num_beams": 3,
        "passthrough_kwargs.a": [1, 2],
    },
    "experiments": [{"precision": "fp32"}],
    "execution": {"n_cycles": 3, "cycle_order": "grouped", "shuffle_seed": 1},
}
USER = {
    "output": {"results_dir": "./r"}, "runners": {"pytorch": "local"}, "execution": {"config_gap_seconds": 1.0},
    "measurement": {"energy_backend": "auto", "carbon_intensity_gco2_kwh": 300.0, "datacenter_pue": 1.1},
}  # fmt: skip
LLAMA = {
    "model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2,
    "intermediate_size": 128, "vocab_size": 100, "max_position_embeddings": 128, "sliding_window": None,
}  # fmt: skip
EXPERTS = {
    **LLAMA, "model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8,
    "decoder_sparse_step": 1, "mlp_only_layers": [0], "norm_topk_prob": True,
}  # fmt: skip
UNKNOWN = {"model_type": "what", "text_config": LLAMA}
TENSORS = {
    "w": {"dtype": "F32", "shape": [2, 5], "data_offsets": [0, 40]},
    "v": {"dtype": "F32", "shape": [1], "data_offsets": [40, 44]},
    "__metadata__": {"format": "pt"},
}
INDEX = {"metadata": {"total_size": 44}, "weight_map": {"w": "model-1.safetensors"}}
STATE = {
    "id": "abc", "config_hash": "h", "stage": "measuring", "failed": False, "machine": machine_mark(), "pid": 999_999,
}  # fmt: skip
FACTS = {"rank": 1, "world_size": 2, "run_id": "r", "host": "h", "start_utc_s": 1.0, "end_utc_s": 2.0, "format": 1}

TRACED = a_result(timeseries=TimeSeries(**dict.fromkeys(COLUMNS, (1, 2)))).model_copy(
    update={"timeseries_file": "t.parquet"}
)

few = settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def as_yaml(document: object) -> bytes:
    return yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass")


def refusal_of(call: Callable[[], object], *kinds: type[Exception]) -> Exception | None:
    """How a call refuses; None when it does its work."""
    try:
        call()
    except kinds as refusal:
        return refusal
    return None


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@few
@given(broken_files(EXPERIMENT, as_yaml) | broken_files(STUDY, as_yaml) | broken_files(SWEPT, as_yaml))
def test_a_configuration_is_read_or_refused_and_every_refusal_can_be_explained(tmp_path, content):
    path = written(tmp_path / "c.yaml", content)
    refusal = refusal_of(lambda: _everything_of(load_study_config(path)), ConfigError, ValidationError)
    if isinstance(refusal, ValidationError):
        assert "\n  " not in str(explain_study_error(refusal, read_document(path)))
    else:
        assert all(len(line) < 1000 for line in str(refusal).splitlines())


def _everything_of(study):
    return study.study_design_hash, factors_and_cells(study.experiments)


def test_the_study_that_is_broken_here_is_valid_itself(tmp_path):
    study = load_study_config(written(tmp_path / "c.yaml", as_yaml(SWEPT)))
    assert len(study.experiments) == 1 + (2 * 2 - 1) * 2 * 2 * 2 + 2 * 2 * 2 * 2
    assert study.reference_cell > 0


@few
@given(broken_files(USER, as_yaml))
def test_a_user_config_is_read_or_refused(tmp_path, content):
    path = written(tmp_path / "u.yaml", content)
    refusal = refusal_of(lambda: resolve_runner("pytorch", load_user_config(path), {}), ConfigError)
    assert len(str(refusal)) < 2000


@few
@given(
    st.sampled_from(["n", "dataset", "decoder", "warmup.n_warmup", "passthrough_kwargs.a", "x.y", ""]),
    st.text(max_size=30) | hostile_values.map(json.dumps) | st.sampled_from(["[" * DEEP, LONG_NUMBER, "&a [*a]"]),
)
def test_an_override_is_read_or_refused_with_a_short_message(name, value):
    assigned = {}

    def overridden():
        assigned.update([parse_override(f"{name}={value}")])
        build_experiment_config({"model": "m"}, {name: each.content for name, each in assigned.items()})

    refusal = refusal_of(overridden, ConfigError, ValidationError)
    explained = isinstance(refusal, ValidationError)
    text = str(explain_validation_error(refusal, assigned=assigned) if explained else refusal)
    assert len(text) < 1000


@few
@given(broken_files(GOLDEN))
def test_a_result_is_read_and_can_be_shown_or_is_refused(tmp_path, content):
    path = written(tmp_path / "result.json", content)
    found: list[ExperimentResult] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a side file that is missing
        refusal = refusal_of(lambda: found.append(ExperimentResult.from_json(path)), ConfigError)
    assert refusal is None or "result.json" in str(refusal)
    assert all(result.summary() and result.model_dump(mode="json") for result in found)


@few
@given(st.data())
def test_a_time_series_is_read_or_refused(tmp_path, data):
    path = TRACED.to_json(tmp_path / "result.json")
    whole = TRACED.to_parquet(tmp_path / "t.parquet").read_bytes()
    written(tmp_path / "t.parquet", data.draw(damaged(whole)))
    refusal = refusal_of(lambda: ExperimentResult.from_json(path), ConfigError)
    assert refusal is None or "t.parquet" in str(refusal)


def put_rank(folder: Path, rank: int, content: bytes) -> None:
    written(folder / f"rank-{rank:05d}.json", content)
    written(folder / f"rank-{rank:05d}.done", hashlib.sha256(content).hexdigest().encode())


@few
@given(st.just(as_json(FACTS)) | broken_files(FACTS), st.just(as_json(GOLDEN)) | broken_files(GOLDEN))
def test_the_file_of_a_process_is_combined_or_refused(tmp_path, facts, result):
    put_rank(tmp_path, 0, as_json({**FACTS, "rank": 0}) + b"\n" + as_json(GOLDEN))
    put_rank(tmp_path, 1, facts + b"\n" + result)
    found: list[ExperimentResult] = []
    refusal = refusal_of(lambda: found.append(aggregate(read_process_results(tmp_path, 2))), AggregationError)
    assert found or "rank" in str(refusal)
    assert all(result.duration_sec > 0 for result in found)


@few
@given(broken_files(STATE))
def test_a_state_is_read_or_passed_over_and_nothing_else_is_written(tmp_path, content):
    written(tmp_path / FOLDER / "abc.json", content)
    manager = StateManager(tmp_path)
    assert len(manager.find_by_config_hash("h")) <= 1
    manager.cleanup_stale()
    assert {path.name for path in tmp_path.rglob("*")} == {FOLDER, "abc.json"}


@few
@given(
    st.lists(st.just(b'{"prompt": "hello"}') | broken_files({"prompt": "hello", "id": 3}), max_size=4),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_prompts_are_read_or_refused(tmp_path, lines, end):
    path = written(tmp_path / "p.jsonl", end.join(lines))
    refusal = refusal_of(lambda: open_dataset(str(path), 2, 1), ConfigError)
    assert refusal is None or "p.jsonl" in str(refusal)


@few
@given(broken_files(TENSORS), st.none() | st.binary(min_size=8, max_size=8))
def test_weights_are_whole_or_their_fault_is_reported(tmp_path, header, length):
    written(tmp_path / "model.safetensors", (length or struct.pack("<Q", len(header))) + header + b"\0" * 44)
    findings = list(weight_findings(tmp_path))
    assert all("model.safetensors" in finding.problem for finding in findings)
    assert local_weights_bytes(tmp_path) == (None if findings else 44)


@few
@given(broken_files(INDEX))
def test_an_index_of_weights_is_read_or_its_fault_is_reported(tmp_path, content):
    written(tmp_path / "model.safetensors.index.json", content)
    findings = list(weight_findings(tmp_path))
    assert findings  # none of the files that an index may name is there
    assert all(str(tmp_path) in finding.problem for finding in findings)
    assert local_weights_bytes(tmp_path) is None or local_weights_bytes(tmp_path) > 0


@few
@given(broken_files(LLAMA) | broken_files(EXPERTS) | broken_files(UNKNOWN))
def test_the_memory_of_a_model_is_estimated_or_its_config_is_refused(tmp_path, content):
    written(tmp_path / "config.json", content)
    config = ExperimentConfig(model=str(tmp_path), max_input_tokens=None, pytorch={"load_in_4bit": True})
    refusal = refusal_of(lambda: str(estimate_for(config, {})), ConfigError)
    assert refusal is None or "config.json" in str(refusal)


# Each of these was once more than a refusal.


@pytest.mark.parametrize("weights", [[2**63] * 18, [0] * 18, [1] * 17])
def test_latencies_with_weights_that_cannot_be_are_of_no_process(tmp_path, weights):
    result = {**GOLDEN, "latency": {**GOLDEN["latency"], "itl_weights": weights}}
    for rank in range(2):
        put_rank(tmp_path, rank, as_json({**FACTS, "rank": rank}) + b"\n" + as_json(result))
    with pytest.raises(AggregationError, match="the file of rank 0 cannot be read"):
        read_process_results(tmp_path, 2)


@pytest.mark.parametrize("content", [LONG_NUMBER, f'{{"n": {LONG_NUMBER}}}', "[" * DEEP, '{"a":' * DEEP])
def test_numbers_and_nesting_without_end_are_no_result(tmp_path, content):
    with pytest.raises(ConfigError, match="is not JSON that can be read"):
        ExperimentResult.from_json(written(tmp_path / "result.json", content.encode()))


def test_a_path_that_no_system_can_open_is_no_result():
    with pytest.raises(ConfigError, match="cannot read"):
        ExperimentResult.from_json("a\0b")


def derived_removed(**changed):
    return {
        name: value for name, value in GOLDEN.items() if name not in ExperimentResult.model_computed_fields
    } | changed


def test_a_window_of_no_length_is_refused_not_divided_by(tmp_path):
    with pytest.raises(ConfigError, match="duration_sec: Input should be greater than 0"):
        ExperimentResult.from_json(written(tmp_path / "result.json", as_json(derived_removed(duration_sec=0.0))))


def test_a_count_beyond_every_float_is_refused_not_divided(tmp_path):
    huge = derived_removed(tokens={**GOLDEN["tokens"], "output_tokens": 10**400})
    with pytest.raises(ConfigError, match="a number has 401 digits"):
        ExperimentResult.from_json(written(tmp_path / "result.json", as_json(huge)))


def test_a_side_file_with_an_impossible_name_is_missing(tmp_path):
    path = written(tmp_path / "result.json", as_json({**GOLDEN, "timeseries_file": "x" * 5000}))
    with pytest.warns(UserWarning, match="is missing"):
        ExperimentResult.from_json(path)


def test_text_in_a_side_file_that_is_not_utf_8_is_refused(tmp_path):
    path = TRACED.to_json(tmp_path / "result.json")
    parquet.write_table(pyarrow.table({}).replace_schema_metadata({b"units": b"\xff"}), tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="is not a readable Parquet file"):
        ExperimentResult.from_json(path)


@pytest.mark.parametrize("changed", [{"end_utc_s": None}, {"host": [1]}, {"end_utc_s": 0.5}, {"start_utc_s": "1"}])
def test_facts_of_a_process_that_cannot_be_are_refused(tmp_path, changed):
    put_rank(tmp_path, 0, as_json({**FACTS, "rank": 0, "world_size": 1, **changed}) + b"\n" + as_json(GOLDEN))
    with pytest.raises(AggregationError, match="the file of rank 0 cannot be read"):
        read_process_results(tmp_path, 1)


@pytest.mark.parametrize("count", [10**400, [1, 10**400], [1.5, 10**400, 2]])
def test_a_count_of_a_process_beyond_every_float_is_refused(tmp_path, count):
    put_rank(tmp_path, 0, as_json({**FACTS, "rank": 0, "world_size": 1}) + b"\n" + as_json({"n": {"m": count}}))
    with pytest.raises(AggregationError, match="a number has 401 digits"):
        read_process_results(tmp_path, 1)


def test_nested_facts_of_a_process_are_refused(tmp_path):
    put_rank(tmp_path, 0, b'{"a":' * DEEP)
    with pytest.raises(AggregationError, match="the file of rank 0 cannot be read"):
        read_process_results(tmp_path, 1)


@pytest.mark.parametrize(
    "changed", [{"id": "../../elsewhere"}, {"id": "other"}, {"pid": "1"}, {"pid": 1.5}, {"stage": "asleep"}]
)
def test_a_state_that_was_not_written_by_us_is_passed_over(tmp_path, changed):
    written(tmp_path / FOLDER / "abc.json", as_json({**STATE, **changed}))
    assert StateManager(tmp_path).cleanup_stale() == ()
    assert {path.name for path in tmp_path.rglob("*")} == {FOLDER, "abc.json"}


def test_a_nested_state_is_passed_over(tmp_path):
    written(tmp_path / FOLDER / "abc.json", b"[" * 100_000)
    assert list(StateManager(tmp_path).all()) == []


@pytest.mark.parametrize("offset", ["-Infinity", "1e999", "NaN", "9" * 400])
def test_an_offset_that_is_no_number_is_damage(tmp_path, offset):
    header = f'{{"w": {{"dtype": "F32", "shape": [10], "data_offsets": [{offset}, 40]}}}}'.encode()
    written(tmp_path / "model.safetensors", struct.pack("<Q", len(header)) + header + b"\0" * 40)
    assert "is damaged" in next(weight_findings(tmp_path)).problem


@pytest.mark.parametrize("total", ["Infinity", "1e999", "NaN", "-1"])
def test_a_total_size_that_is_no_number_is_ignored(tmp_path, total):
    index = f'{{"metadata": {{"total_size": {total}}}, "weight_map": {{}}}}'
    written(tmp_path / "model.safetensors.index.json", index.encode())
    assert local_weights_bytes(tmp_path) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"num_hidden_layers": 2**31}, {"hidden_size": 10**299}, {"max_position_embeddings": 10**299},
        {"model_type": "what", "num_hidden_layers": "~"}, {"model_type": "what", "hidden_size": float("-inf")},
        {**EXPERTS, "decoder_sparse_step": 0},
    ],
)  # fmt: skip
def test_sizes_of_no_model_are_unknown_at_once(tmp_path, changed):
    written(tmp_path / "config.json", as_json({**LLAMA, **changed}))
    config = ExperimentConfig(model=str(tmp_path), max_input_tokens=None, pytorch={"load_format": "dummy"})
    assert estimate_for(config, {}).total_mb is None


def test_settings_that_multiply_beyond_every_float_need_infinite_memory(tmp_path):
    written(tmp_path / "config.json", as_json(LLAMA))
    config = ExperimentConfig(model=str(tmp_path), max_output_tokens=10**200, pytorch={"batch_size": 10**200})
    assert estimate_for(config, {}).kv_cache_mb == float("inf")


def test_a_long_override_is_not_repeated_whole():
    with pytest.raises(ConfigError) as refusal:
        parse_override("n=" + "[" * 5000)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("text", ["datacenter_pue: %s", "%s: 1", "energy_backend: %s"])
def test_a_long_value_or_key_is_not_repeated_whole(tmp_path, text):
    path = written(tmp_path / "u.yaml", f"measurement: {{{text % ('x' * 5000)}}}".encode())
    with pytest.raises(ConfigError) as refusal:
        load_user_config(path)
    assert len(str(refusal.value)) < 1000


def test_the_longest_file_is_refused_in_seconds(tmp_path):
    path = written(tmp_path / "c.yaml", b"".join(b"k%i: 1\n" % i for i in range(90_000)))
    start_s = time.process_time()
    assert "write a smaller file" in str(refusal_of(lambda: read_document(path), ConfigError))
    assert time.process_time() - start_s < 10  # 1.5 s on an idle core
