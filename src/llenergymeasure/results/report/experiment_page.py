"""Makes the text of `report.html` from a result. The only module that imports jinja2.

The template engine escapes every value, and `svg` escapes the texts of charts. The page's security policy forbids scripts
and external resources, so even an escaping error could load nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from llenergymeasure._format import NOT_MEASURED
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.results.report import charts, content, provenance

Picture = tuple[str, Markup | None]


def html_text(result: ExperimentResult) -> str:
    """The text of the page."""
    engine = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = engine.from_string((files(__package__) / "page.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        result=result,
        content=content,
        provenance=provenance,
        not_measured=NOT_MEASURED,
        energy_picture=_picture(charts.energy_chart(result)),
        run_picture=_picture(charts.run_chart(result)),
        window_pictures=[(name, drawn) for name, drawn in _window_pictures(result) if drawn is not None],
        seconds=charts.rows_per_value(result),
        shaded=charts.are_shaded(result.timeline),
        latency_pictures=list(_latency_pictures(result)),
        split_pictures=list(_split_pictures(result)),
    )


def _picture(drawn: str | None) -> Markup | None:
    return None if drawn is None else Markup(drawn)  # noqa: S704, texts were escaped where they were drawn


def _window_pictures(result: ExperimentResult) -> Iterator[Picture]:
    yield "power", _picture(charts.window_chart(result, "power_w", "power in W"))
    yield "temperature", _picture(charts.window_chart(result, "temperature_c", "temperature in °C", from_zero=False))
    yield "utilisation", _picture(charts.window_chart(result, "sm_utilisation_pct", "utilisation in %"))


def _latency_pictures(result: ExperimentResult) -> Iterator[Picture]:
    latency = result.latency
    if latency is None:
        return
    yield "request", _picture(charts.latency_chart("request latency", latency.request_ms, latency.request))
    if latency.ttft is not None:
        yield "ttft", _picture(charts.latency_chart("time to first token", latency.ttft_ms, latency.ttft))
    if latency.itl is not None:
        picture = charts.latency_chart("inter-token latency", latency.itl_ms, latency.itl, latency.itl_weights)
        yield "itl", _picture(picture)


def _split_pictures(result: ExperimentResult) -> Iterator[Picture]:
    for title, parts in content.energy_parts(result).items():
        yield title, _picture(charts.split_chart(title, parts))
