"""Reads a study: a `sweep:`, a list of `experiments:`, both, or a single experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from llenergymeasure.config.files.yaml import Document, read_experiment
from llenergymeasure.config.loader import build_experiment_config, with_overrides
from llenergymeasure.config.models import STUDY_KEYS, ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.exceptions import ConfigError

# Keys of a study that are not about its cells; `--set execution.n_cycles=5` sets one of them.
OF_STUDY = ("name", "execution")

NO_FILE = Document("the command line", MappingProxyType({}), {}, {})


def load_study_config(
    source: str | Path | Document = NO_FILE,
    overrides: Mapping[str, Any] | None = None,
    sweeps: Sequence[str] = (),
    assigned: Mapping[str, Document] = MappingProxyType({}),
) -> StudyConfig:
    """Read a study, or one experiment as a study with one cell.

    Args:
        source: YAML file, or what was read of one.
        overrides: values by dotted field name; they win over the file in every cell. `execution.n_cycles` and the like set
            fields of the study.
        sweeps: further axes, such as `pytorch.batch_size=1,8,32`; they win over the file.
        assigned: the options that the overrides came from, by dotted field name, for messages.

    Raises:
        ConfigError: the file is not valid, a cell of the sweep has a wrong value, or no cell can be measured.
        pydantic.ValidationError: a field of an experiment or of `execution` is wrong.
    """
    document = source if isinstance(source, Document) else read_experiment(source)
    of_study, of_cells = _split(overrides or {})
    own = {key: document.content[key] for key in OF_STUDY if document.content.get(key) is not None}
    if sweeps or any(key in document.content for key in STUDY_KEYS):
        from llenergymeasure.config.study.build import cells_of  # noqa: PLC0415 - a single experiment does not need it

        cells = cells_of(document, of_cells, sweeps, assigned)
    else:
        cells = {"experiments": (build_experiment_config(document.content, of_cells),)}
    return StudyConfig.model_validate(with_overrides(own, of_study) | cells)


def _split(overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The overrides of the study, and those of every cell."""
    of_study = {name: value for name, value in overrides.items() if name.split(".")[0] in OF_STUDY}
    return of_study, {name: value for name, value in overrides.items() if name not in of_study}


def explain_study_error(
    error: ValidationError, document: Document | None = None, assigned: Mapping[str, Document] = MappingProxyType({})
) -> ConfigError:
    """What `load_study_config` raised, with position and fix. The arguments are those of `explain_validation_error`."""
    from llenergymeasure.config.messages.explain import explain_validation_error  # noqa: PLC0415 - only an error needs it

    root = StudyConfig if error.title == StudyConfig.__name__ else ExperimentConfig
    return explain_validation_error(error, document, root, assigned)
