"""The block `server` of a result."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llenergymeasure.core.backends.server.collect import ServerCollector
from llenergymeasure.core.backends.server.engine import ServerEngine
from llenergymeasure.core.backends.server.loaded import LoadedServer
from llenergymeasure.core.backends.server.tokens.whole_texts import WholeTexts
from llenergymeasure.domain.measurements import ModelInfo

ON_GPUS = {"GPU-a": (70, 80), "GPU-b": (90,), "GPU-c": None}


class Processes:
    """Processes whose CPU time grows by 2.5 s between two readings."""

    def __init__(self):
        self._times = iter((1.0, 3.5))

    def pids(self):
        return (80, 81)

    def cpu_seconds(self):
        return next(self._times)

    def memory_mb(self):
        return 512.0


def collected(children=(), **known):
    server = LoadedServer(
        url="http://127.0.0.1:8000/v1",
        headers={"Authorization": "Bearer secret"},
        served_model="m",
        tokenizer=WholeTexts(),
        info=ModelInfo(name="m", device="cpu"),
        architecture={},
        **known,
    )
    engine = ServerEngine.__new__(ServerEngine)
    engine.server = server
    collector = ServerCollector(lambda: ON_GPUS, lambda: children)
    collector.arm(engine)
    collector.stop(engine)
    return collector.collect(SimpleNamespace(engine=engine))


def test_a_launched_server_is_described_with_its_cpu_time_memory_and_gpus():
    block = collected(
        engine="vllm", processes=Processes(), version="0.32", command=("vllm", "serve"), start_seconds=20.0
    )
    assert (block.engine, block.version, block.launched, block.command) == ("vllm", "0.32", True, ("vllm", "serve"))
    assert (block.cpu_seconds, block.memory_mb, block.gpus) == (2.5, 512.0, ("GPU-a",))
    assert (block.start_seconds, block.reason) == (20.0, None)
    assert block.served_model == "m"


def test_a_version_that_is_not_known_has_its_reason():
    block = collected(engine="llama.cpp", version_reason="the server reports b0-unknown, which is no version")
    assert (block.version, block.version_reason) == (None, "the server reports b0-unknown, which is no version")


def test_without_processes_the_reason_is_given():
    block = collected(engine="unknown", processes_reason="the server is on another machine, box")
    assert (block.engine, block.cpu_seconds, block.memory_mb, block.gpus) == (None, None, None, ())
    assert (block.launched, block.reason) == (False, "the server is on another machine, box")


@pytest.mark.parametrize(("children", "child"), [((7, 80, 81), True), ((), False), ((7,), False)])
def test_a_server_whose_processes_are_among_those_that_this_process_started_is_a_child(children, child):
    assert collected(children, engine="vllm", processes=Processes()).child is child


def test_the_key_is_not_in_the_block():
    assert "secret" not in collected(engine="vllm", processes=Processes()).model_dump_json()


def test_another_engine_is_refused():
    with pytest.raises(TypeError, match="is not a ServerEngine"):
        ServerCollector(dict).arm(object())
