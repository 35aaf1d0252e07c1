"""Where a study ran, and whether it may be continued here."""

from __future__ import annotations

import pytest

from fakes import a_snapshot
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.environment import check_environment, environment_of
from llenergymeasure.study.files.manifest import StudyEnvironment

OLD = StudyEnvironment(facts={"GPUs": "A (GPU-1)", "torch": "2.6"})
NEW = StudyEnvironment(facts={"GPUs": "A (GPU-2)", "torch": "2.6", "vllm": "0.11"})


def test_it_has_processor_gpus_driver_and_the_versions_of_the_backends_that_are_used():
    packages = {"torch": "2.6.0", "transformers": "5.1.0", "numpy": "2.0"}
    gpus = (GpuInfo(index=0, name="NVIDIA A100", uuid="GPU-1"),)
    update = {
        "packages": packages, "gpus": gpus, "driver_version": "570.1", "cpu_model": "a CPU", "tool_version": "0.9",
    }  # fmt: skip
    found = environment_of(a_snapshot().model_copy(update=update), {"pytorch"})
    assert found.facts == {
        "CPU": "a CPU", "GPUs": "NVIDIA A100 (GPU-1)", "NVIDIA driver": "570.1", "llenergymeasure": "0.9",
        "torch": "2.6.0", "transformers": "5.1.0",
    }  # fmt: skip


def test_a_backend_that_runs_elsewhere_has_the_versions_of_its_environment():
    here = a_snapshot().model_copy(update={"packages": {"torch": "2.6.0", "transformers": "5.1.0"}})
    there = a_snapshot().model_copy(update={"packages": {"torch": "2.9.0", "vllm": "0.32.0"}})
    facts = environment_of(here, {"pytorch", "vllm"}, {"vllm": there}).facts
    assert (facts["torch"], facts["torch of backend vllm"], facts["vllm of backend vllm"]) == (
        "2.6.0",
        "2.9.0",
        "0.32.0",
    )
    assert facts["transformers of backend vllm"] == "absent"
    assert "vllm" not in facts


def test_a_backend_in_a_container_has_the_digest_of_its_image():
    there = a_snapshot().model_copy(update={"image": "registry.example.org/llem@sha256:dddd"})
    facts = environment_of(a_snapshot(), {"vllm"}, {"vllm": there}).facts
    assert facts["image of backend vllm"] == "registry.example.org/llem@sha256:dddd"


def test_what_is_not_there_is_absent():
    update = {"packages": {}, "gpus": (), "driver_version": None, "cpu_model": None}
    facts = environment_of(a_snapshot().model_copy(update=update), {"pytorch"}).facts
    assert (facts["CPU"], facts["GPUs"], facts["NVIDIA driver"], facts["torch"]) == (
        "unknown", "none", "absent", "absent",
    )  # fmt: skip


def test_another_environment_is_refused_with_every_difference():
    with pytest.raises(ConfigError) as caught:
        check_environment((OLD,), NEW, allowed=False)
    assert "GPUs was A (GPU-1) and is A (GPU-2), vllm was absent and is 0.11" in str(caught.value)
    assert "--allow-other-environment" in str(caught.value)


@pytest.mark.parametrize(("known", "allowed"), [((OLD,), True), ((NEW,), False), ((OLD, NEW), False), ((), False)])
def test_one_that_is_known_or_allowed_is_accepted(known, allowed):
    check_environment(known, NEW, allowed)


def test_the_digest_does_not_depend_on_the_order_of_the_facts():
    turned = StudyEnvironment(facts=dict(reversed(OLD.facts.items())))
    assert turned.digest == OLD.digest != NEW.digest
