"""What single settings of the PyTorch backend need on this machine. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import Finding

# What to install, where it is not called like its module.
_PACKAGES = {"flash_attn": "flash-attn --no-build-isolation", "flash_attn_interface": "flash-attn-3"}


def setting_findings(
    config: ExperimentConfig, has: Callable[[str], bool], cuda_available: Callable[[], bool] | None
) -> Iterator[Finding]:
    """Packages that are missing, and a CUDA device that is.

    Args:
        config: the experiment.
        has: whether a module is installed.
        cuda_available: whether torch sees a CUDA device; None = do not ask.
    """
    for module, setting in _needed(config).items():
        if not has(module):
            package = _PACKAGES.get(module, module)
            yield Finding(f"{setting} needs {module}, not installed here", f"pip install {package}")
    if (
        config.pytorch_settings.device == "cuda"
        and cuda_available is not None
        and has("torch")
        and not cuda_available()
    ):
        yield Finding(
            "pytorch.device is 'cuda', but torch sees no CUDA device",
            "set pytorch.device: cpu, or check the driver with: nvidia-smi",
        )


def _needed(config: ExperimentConfig) -> Mapping[str, str]:
    """Optional modules by name, with the setting that needs each."""
    section = config.pytorch_settings
    attention = f"attn_implementation {section.attn_implementation}"
    needed = {
        "peft": config.lora is not None and "lora",
        "accelerate": section.device_map is not None and "pytorch.device_map",
        "bitsandbytes": section.quantization is not None and "quantised loading",
        "flash_attn": section.attn_implementation == "flash_attention_2" and attention,
        "flash_attn_interface": section.attn_implementation == "flash_attention_3" and attention,
    }
    return {module: setting for module, setting in needed.items() if setting}
