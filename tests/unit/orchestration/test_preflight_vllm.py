"""Everything that vLLM would refuse is in one report, before anything is loaded."""

from __future__ import annotations

import json
import sys

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.exceptions import Finding
from llenergymeasure.orchestration.preflight import Request, findings_of

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="vLLM needs Python 3.11, which is a finding of its own"
)


def findings(
    has=lambda module: True, gpus=1, known=frozenset({"LlamaForCausalLM"}), processes=None, **fields
) -> list[Finding]:
    config = ExperimentConfig(**{"model": "builtin/tiny-llama", "backend": "vllm", "n": 4, **fields})
    request = Request(
        config, environ={}, has=has, cuda_devices=lambda: gpus, model_types=lambda: None, processes=processes,
        vllm_architectures=lambda: known,
    )  # fmt: skip
    return list(findings_of(request))


def test_an_ordinary_experiment_has_no_finding():
    assert findings(vllm={"max_model_len": 1024}) == []


def test_a_missing_vllm_names_the_line_for_gpus_and_for_cpus():
    (finding,) = findings(has=lambda module: module != "vllm")
    assert finding.problem == "backend 'vllm' needs vllm (not installed)"
    assert 'for NVIDIA GPUs: pip install "llenergymeasure[vllm]"' in finding.fix
    assert "for CPUs: make vllm" in finding.fix


def test_all_problems_are_in_one_report():
    found = findings(
        has=lambda module: module != "vllm",
        gpus=1,
        decoder={"decoding_strategy": "beam"},
        vllm={"max_model_len": 10_000_000, "tensor_parallel_size": 2},
        dataset="missing.jsonl",
    )
    problems = " | ".join(each.problem for each in found)
    for part in ("needs vllm", "beam search", "max_model_len is 10000000", "needs 2 GPUs, and 1 are", "missing.jsonl"):
        assert part in problems
    assert all(each.fix for each in found)


def test_an_architecture_that_transformers_does_not_load_may_be_known_to_vllm(tmp_path):
    sizes = {"hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1, "vocab_size": 9}
    content = {"model_type": "brandnew", "architectures": ["BrandNewForCausalLM"], **sizes}
    (tmp_path / "config.json").write_text(json.dumps(content))
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 0}}}))
    found = findings(model=str(tmp_path), known=frozenset({"BrandNewForCausalLM"}), vllm={"load_format": "dummy"})
    assert [each.problem for each in found if "BrandNew" in each.problem or "brandnew" in each.problem] == []


def test_a_draft_model_is_looked_for_like_the_model(tmp_path):
    (finding,) = findings(vllm={"speculative": {"model": str(tmp_path), "num_tokens": 3}})
    assert finding.problem == f"directory {tmp_path} has no config.json"
    assert findings(vllm={"speculative": {"model": "ngram", "num_tokens": 3}}) == []


def test_vllm_runs_in_one_process_of_ours():
    (finding,) = findings(processes=2)
    assert finding.problem == "backend 'vllm' runs in one process, but 2 processes were started"
    assert "vLLM itself starts those of tensor_parallel_size" in finding.fix


def test_what_to_set_is_named_in_the_section_of_vllm():
    (finding,) = findings(vllm={"load_format": "auto"})
    assert finding == Finding("model 'builtin/tiny-llama' comes without weights", "set vllm.load_format: dummy")


def test_the_hub_is_asked_for_the_section_of_vllm():
    asked = []

    def hub(*wanted):
        asked.append(wanted)
        return [Finding("not there", "name another one")]

    config = ExperimentConfig(model="org/some-model", backend="vllm", vllm={"revision": "v1"}, n=4)
    request = Request(
        config,
        environ={},
        has=lambda module: True,
        online=True,
        cuda_devices=lambda: 1,
        model_types=lambda: None,
        hub=hub,
    )
    assert Finding("not there", "name another one") in list(findings_of(request))
    assert asked == [("org/some-model", "v1", "config.json", "vllm")]
