"""A study whose factor is the engine: planned, run with a machine that measures nothing, analysed."""

from __future__ import annotations

import sys

import pytest

from fakes_study import RESULT, FakeMachine, texts_of
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.exceptions import PreFlightError
from llenergymeasure.orchestration.preflight import Request, findings_of, refuse
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.plan import loads
from llenergymeasure.study.runner import run_new

STUDY = """
name: engines
model: builtin/tiny-llama
n: 2
energy: {backend: null}
sweep:
  backend: [pytorch, vllm]
  precision: [fp16, bf16]
  pytorch.batch_size: [1, 2, 4]
  vllm.max_num_seqs: [2, 4]
execution: {n_cycles: 3, experiment_gap_seconds: 0, cycle_gap_seconds: 0, cooldown_celsius: null}
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "engines.yaml").write_text(STUDY)
    return load_study_config(tmp_path / "engines.yaml")


def a_fourth_with_vllm(config):
    """200 J with transformers, and a quarter with vLLM; four sequences need a tenth less than two."""
    joules = 200.0 if config.backend == "pytorch" else 50.0
    if config.vllm is not None and config.vllm.max_num_seqs == 4:
        joules *= 0.9
    return RESULT.model_copy(update={"config": config, "energy": RESULT.energy.model_copy(update={"energy_j": joules})})


class TwoEngines(FakeMachine):
    """Measures each cell of the study with the joules of its engine."""

    def measure(self, config, log):
        super().measure(config, log)
        return a_fourth_with_vllm(config)


def test_settings_of_an_engine_multiply_its_own_cells(study):
    cells = [(cell.config.backend, cell.config.pytorch, cell.config.vllm) for cell in design_of(study).cells]
    assert [backend for backend, _, _ in cells] == ["pytorch"] * 6 + ["vllm"] * 4
    assert all((pytorch is None) == (backend == "vllm") for backend, pytorch, _ in cells)
    assert {section.max_num_seqs for _, _, section in cells if section is not None} == {2, 4}


def test_the_engine_and_the_space_of_its_scheduler_decide_what_is_loaded(study):
    loaded = [loads(cell.config) for cell in design_of(study).cells]
    assert len(set(loaded)) == 2 + 4  # batches share a model of transformers; vLLM loads for each max_num_seqs


def test_it_runs_and_the_engine_is_compared_with_its_reference(study, tmp_path):
    design = design_of(study)
    found = run_new(
        design, protocol_of(study, design, ExecutionSettings()), TwoEngines().parts(), tmp_path, texts_of(study)
    )
    assert len(found.completed) == 30
    effects = found.effects.metrics[0]
    engine = effects.factor("backend")
    assert [level.level for level in engine.levels] == ["pytorch", "vllm"]
    assert engine.levels[1].ratio.value == pytest.approx(0.25)
    sequences = effects.factor("vllm.max_num_seqs")
    assert (sequences.within, sequences.levels[1].ratio.value) == ("vllm", pytest.approx(0.9))
    assert "in vllm" in found.summary()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="vLLM needs Python 3.11, which is a finding of its own")
def test_an_engine_that_is_not_installed_is_one_finding(study):
    configs = [cell.config for cell in design_of(study).cells]
    requests = [
        Request(config, environ={}, has=lambda module: module != "vllm", model_types=lambda: None) for config in configs
    ]
    with pytest.raises(PreFlightError) as caught:
        refuse([findings_of(request) for request in requests])
    (finding,) = caught.value.findings
    assert finding.problem == "experiments 7, 8, 9, 10: backend 'vllm' needs vllm (not installed)"
