"""Checks experiments of several backends, each in the environment in which it will be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.launch.runners.choose import runner_for
from llenergymeasure.launch.runners.runner import Runner
from llenergymeasure.orchestration.preflight import output_findings
from llenergymeasure.progress import Progress

if TYPE_CHECKING:
    from llenergymeasure.launch.runners.question import Question

Findings = tuple[Finding, ...]


def findings_where_measured(
    configs: Sequence[ExperimentConfig],
    here: Callable[[ExperimentConfig], Findings],
    question: Callable[[tuple[ExperimentConfig, ...]], Question],
    user_config: UserConfig,
    output_dir: Path | None,
    environ: Mapping[str, str],
    progress: Progress,
) -> list[Findings]:
    """Everything that would make each of the experiments fail.

    Args:
        configs: the experiments.
        here: finds it for an experiment in the environment of this process.
        question: returns what another environment is asked about its experiments.
        user_config: the runner of each backend.
        output_dir: the directory for results; None when nothing is written.
        environ: the environment of this process.
        progress: receives a step for each other environment.

    Raises:
        ConfigError: a runner is not known.
    """
    runner_of = {name: runner_for(name, user_config, environ) for name in {each.backend for each in configs}}
    found: dict[int, Findings] = {}
    for runner in dict.fromkeys(runner_of[each.backend] for each in configs):
        places = [place for place, each in enumerate(configs) if runner_of[each.backend] == runner]
        group = tuple(configs[place] for place in places)
        if runner.is_local:
            answers = [here(each) for each in group]
        else:
            progress.step(f"checking the experiments in {runner.name}")
            answers = _there(runner, question(group), output_dir, environ)
            progress.done()
        found.update(zip(places, answers))
    return [found[place] for place in range(len(configs))]


def _there(runner: Runner, question: Question, output_dir: Path | None, environ: Mapping[str, str]) -> list[Findings]:
    """The findings of another environment; results are written by this process."""
    from llenergymeasure.launch.runners.ask import ask  # noqa: PLC0415 - only another environment needs it

    written = tuple(output_findings(output_dir))
    try:
        answers = ask(runner, question, environ).findings
    except PreFlightError as error:
        return [(*error.findings, *written)] * len(question.configs)
    return [(*(_named(finding, runner) for finding in found), *written) for found in answers]


def _named(finding: Finding, runner: Runner) -> Finding:
    return replace(finding, problem=f"runner {runner.name}: {finding.problem}")
