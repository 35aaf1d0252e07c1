"""The registry of backends: what it answers without a backend, and that one of another package is asked like ours."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.core.backends.registry import (
    BACKENDS,
    BackendEntry,
    NoDevices,
    backend_devices,
    create_backend,
    cuda_uuids,
    gpus_used,
    importable,
    installed_backends,
    join_process_group,
    setting_findings,
)
from llenergymeasure.exceptions import BackendError, Finding

CONFIG = ExperimentConfig(model="builtin/tiny-llama")
MODULE = """
from llenergymeasure.exceptions import Finding


def Backend(instruments):
    return ("made with", instruments)


def is_available():
    return True


def device_count():
    return 2


def uuids():
    return ["GPU-a", "GPU-b"]


def gpus_used(config):
    return None


def join(device):
    return ("joined on", device)


def findings(config, checkpoint, has, cuda_devices):
    if not has("echo_kernels"):
        yield Finding(f"{config.model} needs echo_kernels", "pip install echo-kernels")
"""


@pytest.fixture
def backends(tmp_path, monkeypatch):
    """The registry whose `pytorch` is a backend of a package in a temporary directory."""
    (tmp_path / "echo_backend.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = BackendEntry(
        needs=("echo_backend",),
        distributions=("echo-backend",),
        install="pip install echo-backend",
        factory="echo_backend:Backend",
        devices="echo_backend",
        process_group="echo_backend:join",
        findings="echo_backend:findings",
    )
    return {**BACKENDS, "pytorch": entry}


def test_a_backend_is_made_and_asked_through_its_entry(backends):
    assert create_backend("pytorch", "the instruments", backends) == ("made with", "the instruments")
    assert join_process_group("pytorch", 1, backends) == ("joined on", 1)
    assert backend_devices("pytorch", backends).device_count() == 2
    assert cuda_uuids(backends) == ["GPU-a", "GPU-b"]


def test_what_its_settings_need_is_found_before_the_run(backends):
    assert list(setting_findings(CONFIG, {}, lambda module: False, backends=backends)) == [
        Finding("builtin/tiny-llama needs echo_kernels", "pip install echo-kernels")
    ]
    assert list(setting_findings(CONFIG, {}, lambda module: True, backends=backends)) == []


def test_backends_are_found_without_importing_them():
    assert installed_backends(lambda module: module in ("torch", "transformers", "vllm")) == ("pytorch", "vllm")
    assert installed_backends(lambda module: False) == ()
    assert importable("no_such_module.at.all") is False


def test_a_folder_of_files_is_no_library():
    """`tests/vllm` is on the path of the tests, as a folder of this name in the working directory of a user may be."""
    found = find_spec("vllm")
    assert importable("vllm") == (found is not None and found.origin is not None)
    assert importable("unit") is False


def test_a_backend_that_is_not_installed_or_cannot_be_asked_has_no_devices(backends):
    absent = {"absent": BackendEntry(("no_such_module",), (), "", devices="no_such_module")}
    for answers in (backend_devices("absent", absent), backend_devices("vllm"), NoDevices()):
        assert (answers.is_available(), answers.device_count(), answers.uuids()) == (False, 0, [])
        assert answers.gpus_used(CONFIG) == 0
    assert cuda_uuids(absent) == []


def test_a_module_of_ours_that_is_missing_is_no_backend_that_is_not_installed():
    broken = {"broken": BackendEntry(("torch",), (), "", devices="llenergymeasure.core.no_such_module")}
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        backend_devices("broken", broken)


def test_an_experiment_on_the_cpu_asks_no_backend():
    assert gpus_used(ExperimentConfig(model="m", pytorch={"device": "cpu"})) == 0


@pytest.mark.parametrize("name", [name for name, entry in BACKENDS.items() if entry.factory is None])
def test_a_backend_of_a_later_release_is_reported(name):
    with pytest.raises(
        BackendError, match=r"cannot measure backend 'tensorrt'; .* set backend: server, .*trtllm-serve"
    ):
        create_backend(name, instruments=None)
    with pytest.raises(BackendError, match="does not run several processes in parallel"):
        join_process_group(name, None)
    assert list(setting_findings(ExperimentConfig(model="m", backend=name, precision="fp16"), {})) == []
