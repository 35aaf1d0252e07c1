"""`llem run --dry-run`: describes the run without running it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from llenergymeasure import StudyConfig
from llenergymeasure._api.plans.experiment import Plan, PlannedExperiment, plan, plan_json
from llenergymeasure._api.plans.foreseen import energy_line, server_lines
from llenergymeasure._api.request import study_of
from llenergymeasure.cli.commands.source import document_of
from llenergymeasure.cli.options import FLAGS, RunOptions
from llenergymeasure.cli.terminal import Screen


def command(options: RunOptions) -> int:
    """Check and describe the experiments. Returns the exit code.

    Raises:
        ConfigError: the file or an option is not valid.
        PreFlightError: an experiment cannot run here, or a report cannot be written.
    """
    if options.report:
        from llenergymeasure._api.report import check_report  # noqa: PLC0415 - only a report needs it

        check_report()
    study = study_of(document_of(options), options.fields, options.assignments or (), options.sweeps or (), FLAGS)
    if not study.is_one_run:
        return _study(study, options)
    options.check_single()
    found = plan(study, options.output)
    Screen(sys.stdout).say(plan_json(found) if options.json else _text(found))
    return 0


def _text(found: Plan) -> str:
    return "\n\n".join("\n".join(_lines(each, found.output_dir)) for each in found.experiments)


def _study(study: StudyConfig, options: RunOptions) -> int:
    from llenergymeasure._api.executors import ExecutorOptions, options_of  # noqa: PLC0415 - only a study needs it
    from llenergymeasure._api.plans.study import plan_study  # noqa: PLC0415 - only a study needs its types
    from llenergymeasure._api.plans.study_text import plan_text  # noqa: PLC0415 - the same

    settings = options_of(options.executor_options or ())
    executor = ExecutorOptions(
        options.executor, options.parallel, options.gpus_per_run, settings, options.detach, options.emit
    )
    found = plan_study(study, options.output, gaps=not options.no_gaps, executor=executor)
    Screen(sys.stdout).say(found.model_dump_json(indent=2) if options.json else plan_text(found))
    return 0


def _lines(planned: PlannedExperiment, output_dir: Path) -> Iterator[str]:
    config, prompts = planned.config, planned.prompts
    yield f"experiment {config.config_hash}: {config.model} with {config.backend}"
    yield from (f"  {name}: {value}" for name, value in planned.fields.items())
    yield f"prompts: {prompts.n_used} of {prompts.n_available} from {prompts.name}"
    if config.min_duration_seconds is not None:
        yield f"window: whole passes over the prompts, for at least {config.min_duration_seconds:g} s"
    if planned.server is None:
        yield f"memory on the device: {planned.memory}"
    else:
        yield from server_lines([planned.server])
    if planned.energy is not None:
        yield energy_line(planned.energy)
    yield from (f"note: {note}" for note in planned.notes)
    yield f"results would go to: {output_dir}"
    yield "nothing was run and nothing was written"
