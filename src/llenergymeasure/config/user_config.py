"""Settings of this machine and this user. They are never part of an experiment file or its hash."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator, model_validator
from typing_extensions import Self

from llenergymeasure.config.base import MOST_SECONDS, ConfigModel, FieldError, Integer, Number, effective
from llenergymeasure.config.environ import number_from, switch_from
from llenergymeasure.config.executors import EXECUTORS
from llenergymeasure.config.files.yaml import read_document
from llenergymeasure.config.runners import LATER, RunnerSetting
from llenergymeasure.config.sections import MeterName
from llenergymeasure.exceptions import ConfigError


class OutputSettings(ConfigModel):
    """Where results go."""

    results_dir: str = Field(
        "./results", min_length=1, description="Directory of the result folders of `llem run`; `~` is home."
    )

    @field_validator("results_dir")
    @classmethod
    def _home_is_found(cls, value: str) -> str:
        try:
            return str(Path(value).expanduser()) if value.startswith("~") else value
        except RuntimeError:
            raise FieldError("there is no home directory", "write the full path") from None


class RunnerSettings(ConfigModel):
    """Where each backend runs."""

    pytorch: str = Field("local", description="Runner of pytorch: local, python:INTERPRETER or docker:IMAGE.")
    vllm: str = Field("local", description="Runner of vllm: local, python:INTERPRETER or docker:IMAGE.")
    tensorrt: str = Field("local", description="Runner of tensorrt: local, python:INTERPRETER or docker:IMAGE.")
    server: str = Field("local", description="Runner of server: local, python:INTERPRETER or docker:IMAGE.")


class ContainerSettings(ConfigModel):
    """How the containers of the runner `docker:IMAGE` are run."""

    engine: Literal["auto", "docker", "podman"] = Field(
        "auto", description="Container engine: docker, podman, or auto = docker where it answers, else podman."
    )
    python: str = Field("python", min_length=1, description="The interpreter in the image: its name or path.")
    arguments: tuple[str, ...] = Field(
        (), description="Further arguments of `docker run`, such as [--network, host], where a site needs them."
    )


class MeasurementSettings(ConfigModel):
    """Settings of the measurement that depend on this machine."""

    energy_backend: MeterName = Field("auto", description="The meter for `energy.backend: auto` on this machine.")
    carbon_intensity_gco2_kwh: Number | None = Field(
        None,
        ge=0,
        description="Carbon intensity of the electricity in gCO2/kWh.",
        json_schema_extra=effective("no CO2 estimate"),
    )
    datacenter_pue: Number = Field(
        1.0, ge=1, description="Power usage effectiveness of the site, total over IT energy; 1 = no overhead."
    )


class ExecutionSettings(ConfigModel):
    """Pauses of studies, where the study leaves them open."""

    config_gap_seconds: Number = Field(
        60.0, ge=0, le=MOST_SECONDS, description="Pause between two runs of a study in seconds."
    )
    cycle_gap_seconds: Number = Field(
        300.0, ge=0, le=MOST_SECONDS, description="Pause between two cycles of a study in seconds."
    )


class ExecutorSettings(ConfigModel):
    """How the cycles of studies are handed out to workers."""

    name: str | None = Field(
        None,
        description=f"Executor of studies: {', '.join(EXECUTORS)}.",
        json_schema_extra=effective("the runs are made by `llem run` itself"),
    )
    parallel: Integer | None = Field(
        None,
        ge=1,
        description="Number of cycles that run at the same time.",
        json_schema_extra=effective("1 for local; else as the executor decides"),
    )
    gpus_per_run: Integer | None = Field(
        None,
        ge=1,
        description="Number of GPUs of a run.",
        json_schema_extra=effective("as the configurations of the study need"),
    )
    options: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Options of this executor, such as `partition: gpu`."
    )

    @model_validator(mode="after")
    def _options_have_an_executor(self) -> Self:
        if self.options and self.name is None:
            raise FieldError("options are of no executor", "set its name too, such as `name: slurm`")
        return self

    @field_validator("name")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None and value not in EXECUTORS:
            raise FieldError(f"'{value}' is not an executor", f"use one of: {', '.join(EXECUTORS)}")
        return value


class UserConfig(ConfigModel):
    """The settings of one user on one machine."""

    output: OutputSettings = Field(default_factory=OutputSettings, description="Where results go.")
    runners: RunnerSettings = Field(default_factory=RunnerSettings, description="Where backends run.")
    containers: ContainerSettings = Field(default_factory=ContainerSettings, description="How containers are run.")
    measurement: MeasurementSettings = Field(default_factory=MeasurementSettings, description="Meter and carbon.")
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings, description="Pauses of studies.")
    executor: ExecutorSettings = Field(default_factory=ExecutorSettings, description="Where cycles of studies run.")


@dataclass(frozen=True)
class MachineSettings:
    """Settings of the measurement that depend on this machine, with environment variables applied.

    Attributes:
        carbon_intensity_gco2_kwh: carbon intensity of the electricity in gCO2/kWh; None = no CO2 is estimated.
        datacenter_pue: power usage effectiveness, 1 or more.
    """

    carbon_intensity_gco2_kwh: float | None
    datacenter_pue: float


def user_config_path(directory: Callable[[str], str] = platformdirs.user_config_dir) -> Path | None:
    """Path of the user config; None for a user without a home directory.

    Args:
        directory: from the name of a program to the directory of its settings.
    """
    try:
        return Path(directory("llenergymeasure")) / "config.yaml"
    except (RuntimeError, KeyError):  # in a container: a user id without a name, and no HOME
        return None


def load_user_config(path: Path | None = None) -> UserConfig:
    """Read the user config; without one, every default.

    Args:
        path: the file; None = `user_config_path()`.

    Raises:
        ConfigError: the file exists and is invalid; with file, line and field.
    """
    place = path or user_config_path()
    if place is None or not _is_there(place):
        return UserConfig()
    document = read_document(place, allow_empty=True, example="output: {results_dir: ./results}")
    try:
        return UserConfig.model_validate(document.content)
    except ValidationError as error:
        from llenergymeasure.config.messages.explain import explain_validation_error  # noqa: PLC0415 - only an error needs it

        raise explain_validation_error(error, document, UserConfig) from error


def _is_there(path: Path) -> bool:
    """Whether a user config can be accessed; one in an unreadable home directory counts as absent."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def resolve_measurement(user_config: UserConfig, environ: Mapping[str, str] = os.environ) -> MachineSettings:
    """Settings of this machine: LLEM_CARBON_INTENSITY and LLEM_DATACENTER_PUE before the user config.

    LLEM_NO_PROMPT is checked as well: this release asks the user nothing, but an invalid value is still an error.

    Raises:
        ConfigError: a variable is set to an invalid value.
    """
    measurement = user_config.measurement
    switch_from(environ, "LLEM_NO_PROMPT")
    return MachineSettings(
        number_from(environ, "LLEM_CARBON_INTENSITY", least=0, otherwise=measurement.carbon_intensity_gco2_kwh),
        number_from(environ, "LLEM_DATACENTER_PUE", least=1, otherwise=measurement.datacenter_pue),
    )


def resolve_runner(backend: str, user_config: UserConfig, environ: Mapping[str, str] = os.environ) -> RunnerSetting:
    """The runner of a backend: LLEM_RUNNER_<BACKEND> before the user config.

    Raises:
        ConfigError: a runner that is not known or not in this release, or a relative path in the user config.
    """
    variable = f"LLEM_RUNNER_{backend.upper()}"
    text = environ.get(variable)
    source = f"environment variable {variable}" if text is not None else f"runners.{backend} of the user config"
    try:
        runner = RunnerSetting.parse(text if text is not None else dict(user_config.runners).get(backend, "local"))
    except FieldError as error:
        raise ConfigError(error.problem, error.fix, source=source) from error
    if runner.kind in LATER:
        raise ConfigError(
            f"{source} is '{runner}': this release cannot use {runner.kind}",
            "set it to local, python:INTERPRETER or docker:IMAGE",
        )
    if text is None and runner.depends_on_place:
        raise ConfigError(
            f"{source} is '{runner}': a relative path would depend on the working directory",
            "write the full path, or begin it with ~",
        )
    return runner
