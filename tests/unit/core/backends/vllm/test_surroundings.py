"""What vLLM changes in its process is put back, and what others changed meanwhile is kept."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

from huggingface_hub.constants import HF_ASSETS_CACHE  # noqa: E402

from llenergymeasure.core.backends.vllm.surroundings import surroundings  # noqa: E402

VLLM = logging.getLogger("vllm")


def test_the_environment_is_put_back():
    environ = {"MINE": "1", "ITS": "1", "LOST": "1"}
    with surroundings(1, environ) as around:
        environ |= {"ITS": "2", "NEW": "1"}
        del environ["LOST"]
        around.after_loading()
    assert environ == {"MINE": "1", "ITS": "1", "LOST": "1"}


@pytest.mark.parametrize("environ", [{}, {"VLLM_CACHE_ROOT": "mine"}])
def test_compiled_models_are_kept_in_the_cache_of_the_hub_unless_a_folder_is_named(environ):
    expected = environ.get("VLLM_CACHE_ROOT") or str(Path(HF_ASSETS_CACHE) / "llenergymeasure" / "vllm")
    before = dict(environ)
    with surroundings(1, environ):
        assert environ["VLLM_CACHE_ROOT"] == expected
    assert environ == before


def test_variables_that_were_set_after_loading_are_kept():
    environ = {"MINE": "1", "ITS": "1"}
    with surroundings(1, environ) as around:
        environ["ITS"] = "2"
        around.after_loading()
        environ |= {"MINE": "2", "NEW": "1", "VLLM_NO_USAGE_STATS": "0"}
    assert environ == {"MINE": "2", "ITS": "1", "NEW": "1", "VLLM_NO_USAGE_STATS": "0"}


def test_its_information_arrives_in_our_log_also_when_its_import_set_its_log_up(caplog):
    before = VLLM.level
    with caplog.at_level(logging.DEBUG, "llenergymeasure"), surroundings(2, {}) as around:
        VLLM.setLevel(logging.ERROR)  # as vLLM does with several devices
        VLLM.handlers[:] = []
        around.after_import()
        logging.getLogger("vllm.model").info("loaded in %s s", 3)
    assert [record.getMessage() for record in caplog.records] == ["loaded in 3 s"]
    assert VLLM.level == before


def test_its_log_record_factory_is_put_back():
    before = logging.getLogRecordFactory()
    with surroundings(2, {}):
        logging.setLogRecordFactory(logging.makeLogRecord)
    assert logging.getLogRecordFactory() is before


def seed_all(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@pytest.mark.parametrize("draw", [random.random, np.random.random, lambda: float(torch.rand(()))])
def test_random_numbers_of_the_caller_go_on(draw):
    seed_all(5)
    expected = draw()
    seed_all(5)
    with surroundings(1, {}):
        seed_all(42)
        draw()
    assert draw() == expected
