"""The fields of a configuration as a person reads them."""

from __future__ import annotations

from llenergymeasure.config.messages.fields import set_fields
from llenergymeasure.config.models import ExperimentConfig

LARGE = ExperimentConfig(model="m", precision="fp32", pytorch={"batch_size": 8})


def test_fields_that_are_set_have_their_dotted_names():
    fields = set_fields(LARGE)
    assert (fields["model"], fields["pytorch.batch_size"]) == ("m", "8")
    assert "lora" not in fields
