"""Files that earlier releases wrote load for ever."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from llenergymeasure import ExperimentResult
from llenergymeasure.domain.result_data import SCHEMA_VERSION

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("result-*.json"))


def test_there_is_one_of_each_schema_version():
    assert {path.stem.split("-")[1] for path in GOLDEN} == {"2.0"}
    assert f"result-{SCHEMA_VERSION}.json" in {path.name for path in GOLDEN}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_old_file_loads_and_keeps_every_value_it_has(path):
    reported = json.loads(path.read_text(encoding="utf-8"))
    again = json.loads(json.dumps(ExperimentResult.from_json(path).model_dump(mode="json")))
    assert known_part(again, reported) == reported


def known_part(value, reported):
    """The value without the fields that later releases added."""
    if isinstance(reported, dict):
        return {name: known_part(value[name], reported[name]) for name in reported}
    if isinstance(reported, list) and len(value) == len(reported):
        return [known_part(one, was) for one, was in zip(value, reported)]
    return value


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_its_numbers_still_mean_the_same(path):
    result = ExperimentResult.from_json(path)
    assert result.energy_per_output_token == pytest.approx(result.energy_total_j / result.tokens.output_tokens)
    assert math.isclose(result.tokens_per_second, result.tokens.output_tokens / result.duration_sec)
    assert result.measurement_config_hash == result.config.config_hash
