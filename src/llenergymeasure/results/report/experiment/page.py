"""Makes the page of one result, `report.html`."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure._version import __version__
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.results.report import repeat
from llenergymeasure.results.report.experiment import content, provenance, served
from llenergymeasure.results.report.experiment.energy_parts import energy_parts
from llenergymeasure.results.report.figures.canvas import Picture
from llenergymeasure.results.report.figures.energy import energy, split
from llenergymeasure.results.report.figures.latency import latency
from llenergymeasure.results.report.figures.run import run
from llenergymeasure.results.report.figures.shading import shading_keys, shading_text
from llenergymeasure.results.report.figures.window import window, window_power
from llenergymeasure.results.report.page import render

# Name of the configuration file in the commands that repeat the experiment.
EXPERIMENT_FILE = "experiment.yaml"
_FROM_RESULT = "# or, in the folder of this page:\nllem run --from-result result.json --report"


def html_text(result: ExperimentResult) -> str:
    """The text of the page."""
    used = (result.config.backend, result.meter.name or "")
    libraries = result.environment_snapshot.libraries
    return render(
        "experiment",
        result=result,
        content=content,
        provenance=provenance,
        served=served,
        energy_picture=energy(result),
        split_pictures=[split(parts, f"split-{at}") for at, parts in enumerate(energy_parts(result))],
        run_picture=run(result),
        window_pictures=_known(_window_pictures(result)),
        shading=shading_text(result.timeline),
        shading_keys=shading_keys(result.timeline),
        latency_pictures=_known(_latency_pictures(result)),
        file=EXPERIMENT_FILE,
        given=repeat.yaml_text(result.config),
        commands=f"{repeat.commands(result.tool_version, EXPERIMENT_FILE, used, libraries)}\n{_FROM_RESULT}",
        citation=repeat.citation(result.tool_version),
        version=__version__,
    )


def _known(pictures: Iterator[Picture | None]) -> list[Picture]:
    return [picture for picture in pictures if picture is not None]


def _window_pictures(result: ExperimentResult) -> Iterator[Picture | None]:
    yield window_power(result)
    yield window(result, "temperature_c", "temperature in °C", from_zero=False)
    yield window(result, "sm_utilisation_pct", "utilisation in %")


def _latency_pictures(result: ExperimentResult) -> Iterator[Picture | None]:
    found = result.latency
    if found is None:
        return
    yield latency("request", "request latency", found.request_ms, found.request)
    if found.ttft is not None:
        yield latency("ttft", "time to first token", found.ttft_ms, found.ttft)
    if found.itl is not None:
        yield latency("itl", "inter-token latency", found.itl_ms, found.itl, found.itl_weights)
