"""The note on accuracy fits the meter and its method."""

from __future__ import annotations

import pytest

from a_draft import ENERGY, update
from llenergymeasure.core.quality.notes import reproducibility_notes
from llenergymeasure.domain.energy import EnergyDomain, EnergyReading

RAPL = EnergyDomain(name="cpu", energy_j=1000.0, provenance="measured", included=True)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (EnergyReading(meter="none"), "not measured"),
        (update(ENERGY, method="estimated"), "not a measurement"),
        (update(ENERGY, method="replayed"), "simulated"),
        (ENERGY, "5 W or 5 %"),
        (update(ENERGY, meter="file"), "the meter file. See its documentation for its accuracy"),
        (update(ENERGY, meter="codecarbon", method="sampled", domains=(RAPL,)), "RAPL"),
    ],
)
def test_reproducibility_notes_fit_the_meter(reading, words):
    assert words in reproducibility_notes(reading)
