"""Makes HTML from the templates. The only module that imports jinja2.

The template engine escapes markup and control characters of every value, and `figures` escapes the texts of figures. The policy of
a page forbids scripts and external resources, so even an escaping error could load nothing.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Protocol

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from llenergymeasure._format import NOT_MEASURED, printable
from llenergymeasure.results.report.colours import DARK, LIGHT
from llenergymeasure.results.study_tables.texts import name_of


class Drawn(Protocol):
    """A figure."""

    def inline(self) -> str:
        """The figure as SVG for a page, with escaped texts."""


def render(template: str, **values: Any) -> str:
    """The text of a page.

    Args:
        template: name of the template, without ending.
        **values: what the template shows.
    """
    engine = Environment(
        finalize=_without_control_characters,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_source),
    )
    engine.filters["drawn"] = _drawn
    engine.filters["name_of"] = name_of
    engine.filters["rule_name"] = _rule_name
    engine.tests["begins"] = str.startswith
    return engine.get_template(template).render(light=LIGHT, dark=DARK, not_measured=NOT_MEASURED, **values)


def _without_control_characters(value: Any) -> Any:
    """A text for the page, before its markup is escaped."""
    return printable(value) if type(value) is str else value


def _rule_name(rule: object) -> str:
    """A rule of publication in words, with the unit that its identifier cannot have."""
    return str(rule).replace("_", " ").replace(" 10 c", " 10 °C")


def _source(name: str) -> str:
    return (files(__package__) / "templates" / f"{name}.html.jinja").read_text(encoding="utf-8")


def _drawn(picture: Drawn) -> Markup:
    return Markup(picture.inline())  # noqa: S704, texts were escaped where they were drawn
