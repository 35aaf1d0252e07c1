"""A dry run finds what a run finds, in a process that never imports torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.orchestration.dry_run import findings_without_torch
from llenergymeasure.orchestration.orchestrator import Session, findings_with_torch

SCRIPT = """
import sys
from pathlib import Path
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import PreFlightError
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.launch.runners.dry_run import check_without_torch
try:
    check_without_torch([ExperimentConfig.model_validate_json(sys.argv[1])], Path(sys.argv[2]), UserConfig(), {})
except PreFlightError as error:
    print(*(finding.problem for finding in error.findings), sep="\\n")
print([name for name in ("torch", "transformers") if name in sys.modules])
"""


@pytest.mark.torch
def test_no_torch_is_imported_however_much_is_asked(tmp_path: Path) -> None:
    fields = {"model": "builtin/huge", "n": 4, "energy": {"backend": "nvml"}, "pytorch": {"device": "cuda"}}
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(fields), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "there is no built-in model 'builtin/huge'" in answer.stdout
    assert answer.stdout.endswith("[]\n")


@pytest.mark.torch
@pytest.mark.parametrize(
    "fields",
    [
        {"pytorch": {"device": "cuda"}},
        {"pytorch": {"cache_implementation": "offloaded_static"}, "energy": {"backend": "nvml"}},
        {"pytorch": {"load_in_4bit": True}, "model": "./nowhere"},
        {"pytorch": {"attn_implementation": "flash_attention_3"}, "dataset": "nowhere.jsonl"},
        {"pytorch": {"num_processes": 5}, "n": 4},
        {"model": "nowhere.gguf"},
    ],
)
def test_run_and_dry_run_find_the_same(tmp_path: Path, fields) -> None:
    config = ExperimentConfig(**{"model": "builtin/tiny-llama", "n": 4, "energy": {"backend": "null"}, **fields})
    of_a_run = findings_with_torch(config, Session(environ={}), tmp_path)
    assert of_a_run
    assert findings_without_torch(config, tmp_path, {}) == of_a_run
