"""A suite of experiments in one YAML file, as the pytest plugin collects it.

    defaults: {model: builtin/tiny-llama, n: 8}
    experiments:
      batch-1: {pytorch: {batch_size: 1}}
      batch-8: {pytorch: {batch_size: 8}, fail_on: {energy_per_output_token: 5%}}

Each experiment is merged over the defaults. An entry may also contain the options of its test, which are passed on
unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llenergymeasure.config.files.yaml import Document, KeyPath, Mark, read_experiment
from llenergymeasure.config.loader import merged
from llenergymeasure.config.messages.explain import problems_of
from llenergymeasure.config.messages.format import shown
from llenergymeasure.config.messages.suggest import nearest
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import ConfigError

TOP = ("defaults", "experiments")


@dataclass(frozen=True)
class SuiteEntry:
    """One experiment of a suite.

    Attributes:
        name: its key in the file.
        config: the experiment.
        options: the options of its test.
        mark: line and column, from 1.
        option_marks: the same for each option.
    """

    name: str
    config: ExperimentConfig
    options: Mapping[str, Any]
    mark: Mark
    option_marks: Mapping[str, Mark]


def read_suite(path: Path, options: Sequence[str]) -> tuple[SuiteEntry, ...]:
    """Read and check a suite.

    Args:
        path: the file.
        options: keys that are not fields of the experiment.

    Raises:
        ConfigError: the file is not valid; one line per problem, each with line and column.
    """
    document = read_experiment(path)
    fields, file = document.content, _File(document, tuple(options))
    problems = list(_shape_problems(fields, file))
    if not problems:
        found = [file.entry(fields.get("defaults") or {}, name, each) for name, each in fields["experiments"].items()]
        problems = [problem for each in found if isinstance(each, list) for problem in each]
        if not problems:
            return tuple(each for each in found if isinstance(each, SuiteEntry))
    lines = "\n".join(dict.fromkeys(map(str, problems)))
    raise problems[0] if len(problems) == 1 else ConfigError(lines, problems=problems)


@dataclass(frozen=True)
class _File:
    """A suite's file, and which keys in it are options of tests."""

    document: Document
    options: tuple[str, ...]

    def at(self, *paths: KeyPath) -> Mark:
        """The position of the first of these paths that is in the file, else of what encloses the last."""
        for path in paths:
            if path in self.document.marks:
                return self.document.marks[path]
        last = paths[-1] if paths else ()
        return self.at(last[:-1]) if last else (1, 1)

    def error(self, problem: str, fix: str, *paths: KeyPath) -> ConfigError:
        """A problem with its position in the file."""
        line, column = self.at(*paths)
        return ConfigError(problem, fix, source=self.document.source, line=line, column=column)

    def entry(self, defaults: Mapping[str, Any], name: str, each: Any) -> SuiteEntry | list[ConfigError]:
        """The experiment, or its problems."""
        together = merged(defaults, each or {})
        options = {key: value for key, value in together.items() if key in self.options}
        try:
            config = ExperimentConfig.model_validate(
                {key: value for key, value in together.items() if key not in options}
            )
        except ValidationError as error:
            return [
                self.error(f"{each.named}{each.problem}", each.fix, *self._paths(name, each.path))
                for each in problems_of(error, ExperimentConfig, partial(self._written, name))
            ]
        marks = {option: self.at(*self._paths(name, (option,))) for option in options}
        return SuiteEntry(name, config, options, self.at(("experiments", name)), marks)

    def _written(self, name: str, place: KeyPath) -> str | None:
        """The text of a value of this experiment in the file; None where it is not known."""
        found = next((path for path in self._paths(name, place) if path in self.document.marks), ())
        return self.document.texts.get(found)

    def _paths(self, name: str, place: KeyPath) -> tuple[KeyPath, ...]:
        own: KeyPath = ("experiments", name)
        return ((*own, *place), ("defaults", *place), own) if place else (own,)


def _shape_problems(fields: Mapping[str, Any], file: _File) -> Iterator[ConfigError]:
    """Problems with the top level of the file."""
    for key in fields:
        if key not in TOP:
            fix = nearest(key, TOP) or "valid: defaults, experiments"
            yield file.error(f"there is no such key: {key}", fix, (key,))
    defaults, experiments = fields.get("defaults"), fields.get("experiments")
    if defaults is not None and not isinstance(defaults, Mapping):
        fix = "write the fields that all experiments share below it"
        yield file.error(f"defaults is {shown(defaults)}, not a mapping", fix, ("defaults",))
    if not isinstance(experiments, Mapping) or not experiments:
        held = "is missing" if "experiments" not in fields else f"is {shown(experiments)}, not a mapping of names"
        yield file.error(f"experiments {held}", "write one `name: {model: ...}` per experiment", ("experiments",))
        return
    for name, each in experiments.items():
        if not isinstance(name, str) or not name.strip():
            yield file.error(f"the name {shown(name)} is not text", "quote it", ("experiments", name))
        elif each is not None and not isinstance(each, Mapping):
            fix = "write fields such as `model: ...`"
            yield file.error(f"{name} is {shown(each)}, not a mapping of fields", fix, ("experiments", name))
