"""At most one model is kept, and it is released before another is loaded."""

from __future__ import annotations

import weakref

import pytest

from fakes import FakeHost, FakePrompts, a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.baseline import BaselineCache
from llenergymeasure.core.collect.latency import MemoryCollector, TokenCollector
from llenergymeasure.core.energy.null import NullMeter
from llenergymeasure.core.flops.collectors import PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.core.model_cache import ModelCache, NoModelCache
from llenergymeasure.exceptions import ExperimentError
from llenergymeasure.testing import FakeClock, FakeLoader, metering


class Model:
    """A model that can be deleted."""


def nothing():
    pass


def test_a_model_is_reused_by_an_experiment_that_loads_the_same():
    model_cache, model = ModelCache(), Model()
    model_cache.put("a", model, nothing)
    assert model_cache.take("a") is model
    assert model_cache.take("a") is None


def test_asking_for_another_lets_go_of_it_and_frees_memory_afterwards():
    model_cache, model, log = ModelCache(), Model(), []
    gone = weakref.ref(model)
    model_cache.put("a", model, lambda: log.append(gone() is None))
    del model
    assert model_cache.take("b") is None
    assert log == [True]


def test_keeping_a_second_lets_go_of_the_first():
    model_cache, log = ModelCache(), []
    model_cache.put("a", Model(), lambda: log.append("a"))
    model_cache.put("b", Model(), lambda: log.append("b"))
    assert log == ["a"]
    model_cache.drop()
    model_cache.drop()
    assert log == ["a", "b"]


def test_a_model_that_may_not_be_shared_is_not_held():
    model_cache, model = ModelCache(), Model()
    gone = weakref.ref(model)
    model_cache.put(None, model, nothing)
    assert model_cache.take(None) is None
    del model
    assert gone() is None


def test_without_a_cache_nothing_is_held():
    model_cache, model = NoModelCache(), Model()
    gone = weakref.ref(model)
    model_cache.put("a", model, nothing)
    del model
    assert gone() is None
    assert model_cache.take("a") is None


def instruments(model_cache, clock, baselines=None):
    return Instruments(
        metering=metering(NullMeter()),
        prompts=FakePrompts(2),
        snapshot=lambda engine: a_snapshot(),
        collectors=(TokenCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector()),
        clock=clock,
        model_cache=model_cache,
        baselines=baselines or BaselineCache(),
    )


def config(**fields):
    return ExperimentConfig(model="m", n=2, max_output_tokens=4, warmup={"enabled": False}, **fields)


def kept_after(change):
    """Whether a model_cache still has its model after this."""
    model_cache = ModelCache()
    model_cache.put("a", Model(), nothing)
    change(model_cache)
    return model_cache.take("a") is not None


def test_a_fresh_baseline_before_loading_is_measured_on_an_empty_device():
    def measure(model_cache):
        clock = FakeClock()
        with open_experiment(config(), FakeLoader(clock), instruments(model_cache, clock)):
            pass

    assert not kept_after(measure)


def test_no_baseline_leaves_the_model_alone():
    def measure(model_cache):
        clock = FakeClock()
        with open_experiment(config(baseline={"enabled": False}), FakeLoader(clock), instruments(model_cache, clock)):
            pass

    assert kept_after(measure)


def test_after_a_failure_nothing_is_kept():
    def measure(model_cache):
        clock = FakeClock()
        loader = FakeLoader(clock, fail_in_run=1)
        with (
            pytest.raises(ExperimentError, match="the device is on fire"),
            open_experiment(config(baseline={"enabled": False}), loader, instruments(model_cache, clock)) as experiment,
        ):
            experiment.measure()

    assert not kept_after(measure)
