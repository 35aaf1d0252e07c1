"""What belongs to this machine and this user, and never into an experiment file or its hash."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from pydantic import Field, ValidationError

from llenergymeasure.config.base import ConfigModel, Number
from llenergymeasure.config.ssot import EnergyBackendName
from llenergymeasure.config.yaml_file import key_lines, read_mapping
from llenergymeasure.exceptions import ConfigError


class OutputSettings(ConfigModel):
    """Where results go."""

    results_dir: str = Field("./results", min_length=1, description="Directory of result folders.")


class RunnerSettings(ConfigModel):
    """Where each backend runs: local, docker:<image> or singularity:<path>."""

    pytorch: str = Field("local", description="Runner of the pytorch backend.")
    vllm: str = Field("local", description="Runner of the vllm backend.")
    tensorrt: str = Field("local", description="Runner of the tensorrt backend.")


class MeasurementSettings(ConfigModel):
    """What the measurement needs to know of this machine."""

    energy_backend: EnergyBackendName = Field("auto", description="What `energy.backend: auto` may choose from.")
    carbon_intensity_gco2_kwh: Number | None = Field(
        None, ge=0, description="Carbon intensity of the electricity in gCO2/kWh. Effective default: no CO2 is told."
    )
    datacenter_pue: Number = Field(1.0, ge=1, description="Power usage effectiveness of the site; 1 = no overhead.")


class ExecutionSettings(ConfigModel):
    """Pauses of studies."""

    config_gap_seconds: Number = Field(60.0, ge=0, description="Pause between experiments in seconds.")
    cycle_gap_seconds: Number = Field(300.0, ge=0, description="Pause between cycles in seconds.")


class UserConfig(ConfigModel):
    """The user's settings."""

    output: OutputSettings = Field(default_factory=OutputSettings, description="Where results go.")
    runners: RunnerSettings = Field(default_factory=RunnerSettings, description="Where backends run.")
    measurement: MeasurementSettings = Field(default_factory=MeasurementSettings, description="Meter and carbon.")
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings, description="Pauses of studies.")


@dataclass(frozen=True)
class MachineSettings:
    """Carbon and prompts of this machine, the environment's word above the user config's."""

    carbon_intensity_gco2_kwh: float | None
    datacenter_pue: float
    no_prompt: bool


def user_config_path() -> Path:
    """Where the user config is looked for."""
    return Path(platformdirs.user_config_dir("llenergymeasure")) / "config.yaml"


def load_user_config(path: Path | None = None) -> UserConfig:
    """Read the user config; absent = defaults.

    Raises:
        ConfigError: it is there and broken (with file, line and field).
    """
    place = path or user_config_path()
    if not place.exists():
        return UserConfig()
    fields = read_mapping(place)
    try:
        return UserConfig.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        keys = tuple(map(str, first["loc"]))
        line = key_lines(place).get(keys)
        raise ConfigError(
            f"{place}{f', line {line}' if line else ''}: {'.'.join(keys)}: {first['msg']}; fix it or remove the file"
        ) from error


def resolve_measurement(user: UserConfig, environ: Mapping[str, str] = os.environ) -> MachineSettings:
    """Carbon settings: LLEM_CARBON_INTENSITY and LLEM_DATACENTER_PUE win over the user config.

    Raises:
        ConfigError: a variable cannot be understood.
    """
    intensity = _number(environ, "LLEM_CARBON_INTENSITY", least=0.0)
    pue = _number(environ, "LLEM_DATACENTER_PUE", least=1.0)
    return MachineSettings(
        carbon_intensity_gco2_kwh=user.measurement.carbon_intensity_gco2_kwh if intensity is None else intensity,
        datacenter_pue=user.measurement.datacenter_pue if pue is None else pue,
        no_prompt=_flag(environ, "LLEM_NO_PROMPT"),
    )


def resolve_runner(backend: str, user: UserConfig, environ: Mapping[str, str] = os.environ) -> str:
    """Where a backend runs: LLEM_RUNNER_<BACKEND> wins over the user config. This release runs locally only.

    Raises:
        ConfigError: another runner, or none that is known.
    """
    variable = f"LLEM_RUNNER_{backend.upper()}"
    runner = environ.get(variable) or getattr(user.runners, backend)
    source = variable if environ.get(variable) else f"runners.{backend} of the user config"
    if runner == "local":
        return runner
    kind, _, target = runner.partition(":")
    if kind in ("docker", "singularity") and target:
        raise ConfigError(f"{source} is '{runner}': containers are not in this release; set it to local")
    raise ConfigError(f"{source} is '{runner}'; valid: local, docker:<image>, singularity:<path>")


def _number(environ: Mapping[str, str], name: str, least: float) -> float | None:
    text = environ.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < least:
        raise ConfigError(f"environment variable {name} is {text!r}: a number of at least {least:g} is needed")
    return value


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").strip().lower()
    if text in ("", "0", "false", "no"):
        return False
    if text in ("1", "true", "yes"):
        return True
    raise ConfigError(f"environment variable {name} is {text!r}: 1 or 0 is needed")
