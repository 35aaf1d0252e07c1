"""The name of the model that a server serves, compared with that of the configuration."""

from __future__ import annotations

import pytest

from a_draft import a_draft
from a_served_result import a_server, some_traffic
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.quality.warnings import warnings_about

TRAFFIC = some_traffic(sent=100, answered=100, failed=0, failures=())
QWEN = "Qwen/Qwen2.5-0.5B-Instruct"


def found(served, model=QWEN, **section):
    config = ExperimentConfig(model=model, backend="server", server=section or {"url": "http://h/v1"})
    draft = a_draft(config=config, traffic=TRAFFIC, server=a_server(served_model=served))
    return [one for one in warnings_about(draft) if one.code == "served_model_differs"]


def test_another_model_than_the_configured_one_is_named_with_the_remedy():
    (one,) = found("SmolLM2-135M-Instruct")
    assert (
        one.sentence
        == f"the server serves 'SmolLM2-135M-Instruct', and model is '{QWEN}': the result is of what it serves"
    )
    assert one.remedy == "correct model, or name what it serves in server.served_model if it is the same model"


@pytest.mark.parametrize(
    "served",
    [
        QWEN,
        "qwen2.5-0.5b-instruct",
        "models/qwen2.5-0.5b-instruct-q8_0.gguf",
        "qwen2.5:0.5b",
        "/hub/models--Qwen--Qwen2.5-0.5B-Instruct/snapshots/0123",
        None,
    ],
)
def test_another_spelling_of_the_same_name_and_a_file_of_it_do_not_differ(served):
    assert found(served) == []


def test_a_short_name_that_is_in_many_others_is_no_spelling_of_them():
    assert len(found("m")) == 1


def test_a_name_that_the_configuration_chooses_and_a_server_that_is_started_with_the_model_do_not_differ():
    assert found("gpt-4o", url="http://h/v1", served_model="gpt-4o") == []
    assert found("gpt-4o", launch=["vllm", "serve", "{model}", "--port", "{port}"]) == []
    assert found("gpt-4o", launch=["serve", "{port}"], arguments={"model": "{model}"}) == []
    assert len(found("gpt-4o", launch=["serve", "other", "--port", "{port}"])) == 1
