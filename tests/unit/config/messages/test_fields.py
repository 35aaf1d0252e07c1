"""The fields of a configuration as a person reads them."""

from __future__ import annotations

from llenergymeasure.config.messages.fields import effective_fields, set_fields
from llenergymeasure.config.models import ExperimentConfig

LARGE = ExperimentConfig(model="m", precision="fp32", pytorch={"batch_size": 8})


def test_fields_that_are_set_have_their_dotted_names():
    fields = set_fields(LARGE)
    assert (fields["model"], fields["pytorch.batch_size"]) == ("m", "8")
    assert "lora" not in fields


def test_the_number_format_of_a_server_is_not_the_setting():
    server = ExperimentConfig(model="m", backend="server", server={"url": "http://127.0.0.1:1/v1"}, precision="fp16")
    assert effective_fields(server)["precision"] == "not known: the server has its own"
    other = ExperimentConfig(model="m", precision="fp16")
    assert effective_fields(other) == set_fields(other)
