"""Makes the page of one result, `report.html`."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.results.report.experiment import content, provenance
from llenergymeasure.results.report.figures import trace
from llenergymeasure.results.report.figures.canvas import Picture
from llenergymeasure.results.report.figures.energy import energy, split
from llenergymeasure.results.report.figures.latency import latency
from llenergymeasure.results.report.page import render


def html_text(result: ExperimentResult) -> str:
    """The text of the page."""
    return render(
        "experiment",
        result=result,
        content=content,
        provenance=provenance,
        energy_picture=energy(result),
        split_pictures=_known(
            split(title, parts, f"split-{at}") for at, (title, parts) in enumerate(content.energy_parts(result).items())
        ),
        run_picture=trace.run(result),
        window_pictures=_known(_window_pictures(result)),
        seconds=trace.rows_per_value(result),
        shaded=trace.are_shaded(result.timeline),
        latency_pictures=_known(_latency_pictures(result)),
    )


def _known(pictures: Iterator[Picture | None]) -> list[Picture]:
    return [picture for picture in pictures if picture is not None]


def _window_pictures(result: ExperimentResult) -> Iterator[Picture | None]:
    yield trace.window(result, "power_w", "power in W")
    yield trace.window(result, "temperature_c", "temperature in °C", from_zero=False)
    yield trace.window(result, "sm_utilisation_pct", "utilisation in %")


def _latency_pictures(result: ExperimentResult) -> Iterator[Picture | None]:
    found = result.latency
    if found is None:
        return
    yield latency("request", "request latency", found.request_ms, found.request)
    if found.ttft is not None:
        yield latency("ttft", "time to first token", found.ttft_ms, found.ttft)
    if found.itl is not None:
        yield latency("itl", "inter-token latency", found.itl_ms, found.itl, found.itl_weights)
