"""Checks that a checkpoint has all weights of a model.

transformers and PEFT initialise missing weights at random and continue: the model then runs at the usual speed, without an
error. They do not report tied weights, computed buffers, and weights that a model class declares as optional.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from llenergymeasure.exceptions import BackendError

# Number of names in a message.
SHOWN = 5
LOAD_LOG = "transformers.modeling_utils"


@dataclass(frozen=True)
class LoadReport:
    """The report of a library on the weights that it loaded, by name.

    Attributes:
        missing: weights of the model that the checkpoint lacks.
        unexpected: tensors of the checkpoint that the model does not use.
        mismatched: weights of another shape, with both shapes.
        n_weights: number of weights of the model, including stored buffers; None when not counted.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    n_weights: int | None = None


def check_weights(report: LoadReport, source: str, fix: str) -> None:
    """Refuse a model in which some weights would be random.

    Args:
        report: what was loaded.
        source: the checkpoint, as the user wrote it.
        fix: what to do.

    Raises:
        BackendError: weights are missing or of another shape; with their number and first names.
    """
    problems = []
    if report.missing:
        of_all = "" if report.n_weights is None else f" of {report.n_weights}"
        problems.append(f"{len(report.missing)}{of_all} weights are missing: {first_names(report.missing)}")
    if report.mismatched:
        problems.append(f"{len(report.mismatched)} weights have another shape: {first_names(report.mismatched)}")
    if not problems:
        return
    if report.unexpected:
        problems.append(f"{len(report.unexpected)} tensors are not used by the model: {first_names(report.unexpected)}")
    raise BackendError(
        f"{source} does not fit the model that its configuration describes: {'; '.join(problems)}; {fix}"
    )


def first_names(names: Iterable[str]) -> str:
    """The first few names in order, and the number of names if some are left out."""
    ordered = sorted(names)
    text = ", ".join(ordered[:SHOWN])
    return f"{text}, ... ({len(ordered)} in all)" if len(ordered) > SHOWN else text


@contextmanager
def load_log_in_errors() -> Iterator[None]:
    """Add transformers' log messages about single weights to the error, because its log is silenced.

    Raises:
        BackendError: loading failed after weights were reported.
    """
    logger, lines = logging.getLogger(LOAD_LOG), _Lines()
    before = logger.level, logger.propagate
    logger.addHandler(lines)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    try:
        yield
    except RuntimeError as error:
        if not lines.about_weights():
            raise
        raise BackendError(f"the weights do not fit the model: {'; '.join(lines.about_weights())}") from error
    finally:
        logger.removeHandler(lines)
        logger.level, logger.propagate = before


class _Lines(logging.Handler):
    """Keeps the lines of a log."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.extend(record.getMessage().splitlines())

    def about_weights(self) -> list[str]:
        """The first rows of the report, each with a name and a problem, and the errors below them."""
        rows = [" ".join(line.split()) for line in self._lines if " | " in line or line.startswith("Error")]
        return [row.rstrip("| ") for row in rows if not row.startswith("Key ")][:SHOWN]
