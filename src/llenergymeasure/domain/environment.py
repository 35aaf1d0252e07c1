"""The machine and the software of a measurement, as needed to repeat it."""

from __future__ import annotations

from pydantic import Field

from llenergymeasure.config.runners import LOCAL
from llenergymeasure.domain.base import Frozen

# The libraries that generate text.
LIBRARIES = ("torch", "transformers")


class GpuInfo(Frozen):
    """One GPU. Optional fields are None when the driver does not report them."""

    index: int = Field(description="NVML's number, by PCI bus.")
    name: str
    uuid: str
    vram_mb: float | None = Field(None, description="Memory in MB (10^6 bytes); None when not reported.")
    compute_capability: str | None = Field(None, description="Such as 9.0; None when not reported.")
    power_limit_w: float | None = Field(None, description="Enforced power limit; None when not reported.")
    power_limit_default_w: float | None = Field(None, description="Power limit as delivered; None when not reported.")
    persistence_mode: bool | None = Field(None, description="None when not reported.")
    ecc_enabled: bool | None = Field(None, description="None on boards without ECC.")
    mig_enabled: bool | None = Field(None, description="None on boards without MIG.")


class CudaFacts(Frozen):
    """CUDA versions that the inference library reports."""

    version: str | None = Field(None, description="None without CUDA.")
    cudnn: str | None = Field(None, description="None without cuDNN.")


class EnvironmentSnapshot(Frozen):
    """The machine and software of an experiment, without host name, user name and credentials."""

    python: str
    os: str
    cpu_model: str | None = Field(None, description="None when not reported.")
    cpu_count_logical: int | None = Field(None, description="Hardware threads; None when not reported.")
    cpu_count_physical: int | None = Field(None, description="Cores; None when not reported.")
    ram_total_mb: float | None = Field(None, description="MB (10^6 bytes); None outside Linux.")
    cuda_version: str | None = Field(None, description="None without CUDA.")
    cuda_version_source: str | None = Field(None, description="torch, version.json, version.txt or nvcc; None without.")
    cudnn_version: str | None = Field(None, description="None without cuDNN.")
    driver_version: str | None = Field(None, description="NVIDIA driver; None without one.")
    gpus: tuple[GpuInfo, ...] = Field((), description="GPUs that this process may use.")
    container: str | None = Field(None, description="docker, podman, kubernetes or singularity; None outside.")
    runner: str = Field(
        LOCAL, description="The runner that measured, as written: local, python:INTERPRETER, docker:IMAGE."
    )
    image: str | None = Field(
        None,
        description="Digest of the image of runner docker, or its id where it came from no registry; None without one.",
    )
    cpu_governor: str | None = Field(None, description="Frequency governor of CPU 0; None when not reported.")
    cpu_frequency_min_mhz: float | None = Field(None, description="Lower limit set for CPU 0; None when not reported.")
    cpu_frequency_max_mhz: float | None = Field(None, description="Upper limit set for CPU 0; None when not reported.")
    packages: dict[str, str] = Field(
        description="Installed distributions and versions; ` @ url` is added to those not installed from an index."
    )
    tool_version: str
    git_commit: str | None = Field(None, description="Commit of the working directory; None outside a repository.")
    git_dirty: bool | None = Field(
        None, description="Whether tracked files differ from the commit; None when git does not report it."
    )
    timestamp_utc: str = Field(description="ISO 8601.")

    @property
    def libraries(self) -> dict[str, str]:
        """The versions of the installed libraries that generate text."""
        return {name: self.packages[name] for name in LIBRARIES if name in self.packages}
