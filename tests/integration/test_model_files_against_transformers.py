"""Model files as transformers writes them, and the hub's own idea of its cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llenergymeasure.core.flops.architecture import shape_of
from llenergymeasure.models.files.local_files import local_config, local_directory
from llenergymeasure.orchestration.model.safetensors_header import check_safetensors
from llenergymeasure.orchestration.model.weights import local_weights_bytes, weight_findings

transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def model() -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.AutoConfig.for_model("llama", **sizes, num_key_value_heads=2, vocab_size=96)
    return transformers.AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize("shard", ["1GB", "20KB"])
def test_a_saved_model_is_whole_and_has_the_size_of_its_parameters(model: Any, tmp_path: Path, shard: str) -> None:
    model.save_pretrained(tmp_path, max_shard_size=shard)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (shard == "20KB")
    assert list(weight_findings(tmp_path)) == []
    config = local_config(str(tmp_path), None, {})
    assert config is not None
    shape = shape_of(config)
    assert shape is not None
    assert local_weights_bytes(tmp_path) == 4 * shape.n_parameters == 4 * model.num_parameters()


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (1, "is truncated: {less} of its {whole} bytes of tensors are there"),
        (1000, "is truncated: {less} of its {whole} bytes of tensors are there"),
        (-8, "is damaged: 8 bytes follow its last tensor"),
    ],
)
def test_a_file_is_damaged_for_us_when_it_is_for_safetensors(model: Any, tmp_path: Path, lost: int, words: str) -> None:
    safetensors = pytest.importorskip("safetensors")
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost] if lost > 0 else whole + bytes(-lost))
    with pytest.raises(safetensors.SafetensorError):
        safetensors.safe_open(path, framework="pt")
    tensors = 4 * model.num_parameters()
    reported = words.format(less=tensors - lost, whole=tensors)
    assert check_safetensors(path) == f"weight file {path} {reported}"


def test_a_cached_file_is_found_where_the_hub_finds_it(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    commit, repository = "a" * 40, tmp_path / "models--org--name"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    found = hub.try_to_load_from_cache("org/name", "config.json", cache_dir=tmp_path)
    directory = local_directory("org/name", None, {"HF_HUB_CACHE": str(tmp_path)})
    assert directory is not None
    assert Path(found) == directory / "config.json"
