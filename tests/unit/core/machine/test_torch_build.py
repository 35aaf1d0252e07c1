"""Whether torch can use NVIDIA GPUs, by its version file."""

from __future__ import annotations

import pytest

from llenergymeasure.core.machine.torch_build import built_for_cuda, cuda_in

CPU = "from typing import Optional\n__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n"
CUDA = "__version__ = '2.13.0+cu130'\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n"
ROCM = "cuda: Optional[str] = None\nhip: Optional[str] = '7.0.1'\n"


@pytest.mark.parametrize(("version_file", "usable"), [(CPU, False), (CUDA, True), ("cuda = '13.0'", True)])
def test_the_version_file_states_the_cuda_that_torch_was_built_with(version_file: str, usable: bool) -> None:
    assert cuda_in(version_file) is usable


@pytest.mark.parametrize("version_file", [ROCM, "", "cuda = find()", "not python", "\0", "cuda, hip = 1, 2"])
def test_any_other_build_or_file_gives_none(version_file: str) -> None:
    assert cuda_in(version_file) is None


@pytest.mark.torch
def test_the_installed_torch_is_described_by_its_version_file() -> None:
    torch = pytest.importorskip("torch")
    if torch.version.hip is None:
        assert built_for_cuda() is (torch.version.cuda is not None)
