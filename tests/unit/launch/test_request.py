"""Requests and replies as files."""

from __future__ import annotations

import os

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.energy import BaselineResult
from llenergymeasure.exceptions import BackendError, ConfigError
from llenergymeasure.launch.failure import failure_of
from llenergymeasure.launch.request import (
    KnownBaseline,
    Reply,
    Request,
    read_replies,
    read_request,
    reply_file,
    write_reply,
    write_request,
)

CONFIG = ExperimentConfig(model="builtin/tiny-llama", n=8, pytorch={"batch_size": 2}, lora={"adapter_id": "a/b"})
IDLE = BaselineResult(power_w=50.0, method="counter", provenance="fresh", when="before_load", age_sec=0.0)


def test_a_request_arrives_as_it_was_written(tmp_path):
    request = Request(
        config=CONFIG,
        processes=2,
        windows=3,
        more=False,
        meter="nvml",
        user_config=UserConfig(measurement={"carbon_intensity_gco2_kwh": 300}),
        baselines=(KnownBaseline(key=("nvml", "before_load", "30", "GPU-0"), age_s=12.5, baseline=IDLE),),
        owner=os.getpid(),
    )
    write_request(tmp_path, request)
    assert read_request(tmp_path) == request
    assert read_request(tmp_path).config.config_hash == CONFIG.config_hash


def test_it_is_known_which_settings_were_set(tmp_path):
    """A precision that is set has no effect on a server, which is a warning; its default is none."""
    served = {"model": "m", "backend": "server", "server": {"url": "http://127.0.0.1:1/v1"}}
    for fields in (served, {**served, "precision": "bf16"}):
        config = ExperimentConfig(**fields)
        write_request(tmp_path, Request(config=config, user_config=UserConfig()))
        arrived = read_request(tmp_path).config
        assert arrived == config
        assert arrived.model_fields_set == set(fields)


def test_a_name_that_is_not_utf_8_arrives(tmp_path):
    request = Request(config=CONFIG.model_copy(update={"dataset": "p\udcff.jsonl"}), user_config=UserConfig())
    write_request(tmp_path, request)
    assert read_request(tmp_path) == request


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"config": {}}'])
def test_an_invalid_request_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "request.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"request\.json is not a valid request"):
        read_request(tmp_path)


def test_replies_come_from_the_processes_that_replied(tmp_path):
    said = Reply(results=("a", "b"), failure=failure_of(BackendError("on fire")))
    write_reply(tmp_path, 1, said)
    reply_file(tmp_path, 2).write_bytes(b"{")
    assert read_replies(tmp_path, 3) == {1: said}
