"""Plans a study without running it. It does not import torch, use the network or write files that remain."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from llenergymeasure._api.plans.foreseen import PlannedServer, energies_of, servers_of
from llenergymeasure.config.messages.fields import effective_fields
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import UserConfig, load_user_config, resolve_measurement
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.launch.runners.choose import runner_notes
from llenergymeasure.launch.runners.dry_run import check_without_torch
from llenergymeasure.orchestration.foreseen import ForeseenEnergy
from llenergymeasure.orchestration.model.vram import VramEstimate, estimate_for
from llenergymeasure.orchestration.notes import notes_on_study, plan_notes


class PlannedExperiment(NamedTuple):
    """An experiment that can run on this machine.

    Attributes:
        config: the experiment.
        fields: every field that is not null, by its dotted name, as text.
        prompts: source and number of the prompts.
        memory: estimated memory on the device.
        energy: the meter that it would use; None where it runs in another environment.
        server: the server; None with another backend.
        notes: notes for the user that do not prevent the run.
    """

    config: ExperimentConfig
    fields: Mapping[str, str]
    prompts: DatasetInfo
    memory: VramEstimate
    energy: ForeseenEnergy | None
    server: PlannedServer | None
    notes: tuple[str, ...]


class Plan(NamedTuple):
    """The experiments that would run, and where results would go.

    Attributes:
        experiments: the experiments in order.
        output_dir: directory of the results.
    """

    experiments: tuple[PlannedExperiment, ...]
    output_dir: Path


def plan(study: StudyConfig, output_dir: Path | None = None) -> Plan:
    """Check every experiment and describe it.

    Args:
        study: the experiments.
        output_dir: directory of the results; None = that of the user config.

    Raises:
        ConfigError: the user config or a variable cannot be understood.
        PreFlightError: an experiment cannot run here.
    """
    user, place = check(study.experiments, output_dir)
    general = tuple(notes_on_study(study))
    experiments = tuple(_planned(each, general, user, os.environ) for each in study.experiments)
    return Plan(experiments, place)


def plan_json(found: Plan) -> str:
    """A plan as JSON: per experiment its configuration, prompts, memory in MB and notes; and where results would go."""
    content = {
        "experiments": [_as_data(each) for each in found.experiments],
        "output_dir": str(found.output_dir),
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _as_data(planned: PlannedExperiment) -> dict[str, Any]:
    memory = asdict(planned.memory)
    return {
        "measurement_config_hash": planned.config.config_hash,
        "config": planned.config.model_dump(mode="json"),
        "prompts": planned.prompts.model_dump(mode="json"),
        "memory": {name: None if value == math.inf else value for name, value in memory.items()},
        "energy": None if planned.energy is None else asdict(planned.energy),
        "server": None if planned.server is None else _as_json(planned.server),
        "notes": planned.notes,
    }


def _as_json(server: PlannedServer) -> dict[str, Any]:
    return {
        "url": server.url,
        "command": server.command,
        "traffic": server.traffic.model_dump(mode="json"),
        "slo": None if server.slo is None else server.slo.model_dump(mode="json"),
        "expected_seconds": server.expected_seconds,
    }


def check(experiments: Sequence[ExperimentConfig], output_dir: Path | None) -> tuple[UserConfig, Path]:
    """Check experiments without torch. Returns the user's settings, and the directory of the results.

    Raises:
        ConfigError: the user config or a variable cannot be understood.
        PreFlightError: an experiment cannot run here.
    """
    user, environ = load_user_config(), os.environ
    resolve_measurement(user, environ)
    place = output_dir or Path(user.output.results_dir)
    check_without_torch(experiments, place, user, environ)
    return user, place


def _planned(
    config: ExperimentConfig, general: tuple[str, ...], user: UserConfig, environ: Mapping[str, str]
) -> PlannedExperiment:
    return PlannedExperiment(
        config=config,
        fields=effective_fields(config),
        prompts=open_dataset(config.dataset, config.n, config.random_seed).info,
        memory=estimate_for(config, environ),
        energy=next(iter(energies_of([config], user, environ)), None),
        server=next(iter(servers_of([config])), None),
        notes=(*general, *runner_notes(config.backend, user, environ), *plan_notes(config, environ)),
    )
