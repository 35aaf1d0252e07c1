"""The versions of CUDA and cuDNN that torch has."""

from __future__ import annotations

import torch

from llenergymeasure.domain.environment import CudaFacts


def cuda_versions() -> CudaFacts:
    """Versions of CUDA and cuDNN with which torch was built; None where it has none."""
    cudnn = torch.backends.cudnn.version()
    return CudaFacts(version=torch.version.cuda, cudnn=None if cudnn is None else str(cudnn))
