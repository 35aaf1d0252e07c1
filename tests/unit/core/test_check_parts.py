"""An error in a part of another package is reported in one sentence, and gives no number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from fakes import FakeHost, FakePrompts, a_snapshot
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.check_parts import OF_THE_HARNESS
from llenergymeasure.core.collect.check_records import check_records
from llenergymeasure.core.collect.latency import FromRecords, LatencyCollector, MemoryCollector, TokenCollector
from llenergymeasure.core.flops.collectors import PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.domain.files.folder import folder_name
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import ExperimentError
from llenergymeasure.records import BatchRecord, RunRecords, requests_of
from llenergymeasure.results.csv import flat_numbers
from llenergymeasure.testing import FakeBatch, FakeClock, FakeEngine, FakeMeter, metering

CONFIG = ExperimentConfig(model="m", n=3, max_output_tokens=11)
COLLECTORS = (TokenCollector(), LatencyCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector())


class Loader:
    """Returns the engine that it received."""

    def __init__(self, engine):
        self.engine = engine

    def load(self, config):
        return self.engine


def measure(engine=FakeEngine, meter=None, collectors=COLLECTORS):
    clock = FakeClock()
    parts = Instruments(metering(meter or FakeMeter()), FakePrompts(3), a_snapshot, collectors, clock=clock)
    with open_experiment(CONFIG, Loader(engine(CONFIG, clock)), parts) as experiment:
        return experiment.measure()


def reporting(change):
    """An engine that changes its records before it returns them."""

    class Engine(FakeEngine):
        def run(self, batches, max_new_tokens=None):
            return Reported(change(super().run(batches, max_new_tokens).records()))

    return Engine


@dataclass(frozen=True)
class Reported:
    """An output with these records."""

    reported: RunRecords

    def records(self):
        return self.reported


def requests(change):
    """An engine that changes its list of requests."""
    return reporting(lambda run: replace(run, requests=tuple(change(run.requests))))


def alone(**fields):
    """An engine without batches that changes fields of each request."""
    return reporting(
        lambda run: RunRecords(tuple(changed(replace(request, batch=None), fields) for request in run.requests))
    )


def batched(**fields):
    """An engine that changes fields of each batch."""
    return reporting(lambda run: replace(run, batches=tuple(changed(batch, fields) for batch in run.batches)))


def changed(record, fields):
    return replace(record, **{name: value(record) for name, value in fields.items()})


FAR_S = 1.7e9


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (reporting(lambda run: run.batches), "the engine's records must be RunRecords, and are tuple"),
        (requests(lambda found: found[1:]), "each of 3 prompts once: missing: 0"),
        (requests(lambda found: ()), "each of 3 prompts once: missing: 0, 1, 2"),
        (requests(lambda found: found * 2), "each of 3 prompts once: more than once: 0, 1, 2"),
        (alone(prompt_index=lambda r: 77), "missing: 0, 1, 2; unknown: 77"),
        (alone(output_ids=lambda r: ()), "prompt 0 is impossible: output_ids has 0 entries and output_tokens is 11"),
        (alone(input_tokens=lambda r: 0), "prompt 0 is impossible: input_tokens is 0"),
        (alone(output_tokens=lambda r: -1, output_ids=lambda r: None), "and output_tokens -1"),
        (alone(token_counts=lambda r: (1,)), "token_times_s has 11 entries and token_counts 1"),
        (alone(token_counts=lambda r: r.token_counts[::-1]), "token_counts decrease"),
        (alone(token_times_s=lambda r: r.token_times_s[::-1]), "token_times_s are not in order"),
        (alone(finished_s=lambda r: r.scheduled_s - 0.1), "prompt 0 is impossible: finished_s is"),
        (alone(first_token_s=lambda r: r.scheduled_s - 0.1), "before scheduled_s"),
        (alone(queued_s=lambda r: r.scheduled_s + 0.1), "scheduled_s is 191 s, before queued_s 191.1 s"),
        (alone(finished_s=lambda r: r.finished_s + FAR_S), "use seconds of the clock that the loader was given"),
        (alone(token_times_s=lambda r: tuple(1000 * t for t in r.token_times_s)), "use seconds of the clock"),
        (batched(step_tokens=lambda b: (1,)), "prompts 0 is impossible: step_times_s has 11 entries and step_tokens 1"),
        (batched(finished_s=lambda b: b.started_s - 0.1), "it finished at"),
        (batched(step_times_s=lambda b: tuple(1000 * t for t in b.step_times_s)), "use seconds of the clock"),
        (batched(padded_length=lambda b: 1), "prompt 1 has 2 input tokens, more than padded_length 1"),
        (
            batched(prompt_indices=lambda b: (*b.prompt_indices, 9)),
            "requests of batch 0 must be its prompts: missing: 9",
        ),
        (batched(finished_s=lambda b: b.finished_s - 0.05), "prompt 0 was worked on from"),
        (requests(lambda found: [replace(r, batch=9) for r in found]), "there is no batch 9, of which prompt 0"),
        (
            requests(lambda found: [replace(r, batch=None) for r in found]),
            "requests of batch 0 must be its prompts: missing: 0",
        ),
    ],
)
def test_records_that_cannot_be_fail_the_experiment_and_have_the_reason(engine, message):
    with pytest.raises(ExperimentError) as caught:
        measure(engine)
    assert message in str(caught.value)


def test_times_of_tokens_that_were_not_recorded_are_no_fault():
    result = measure(
        alone(
            first_token_s=lambda r: None,
            token_times_s=lambda r: (),
            token_counts=lambda r: (),
            output_ids=lambda r: None,
        )
    )
    assert result.latency.ttft is None
    assert result.latency.itl is None
    assert result.output_tokens == 33


@pytest.mark.parametrize(("hours", "drift"), [(10, 5e-5), (10, 4e-4), (100, 1e-4)])
def test_the_clock_of_a_device_may_drift_from_the_host_in_a_window_of_hours(hours, drift):
    end_s = 3600.0 * hours
    batch = BatchRecord((0,), 1, 0.0, end_s, (end_s * (1 + drift),), (1,))
    run = RunRecords(requests_of(batch, 0, [1], [(5,)]), (batch,))
    assert check_records(run, [FakeBatch((0,), (1,))], 0.0, end_s) == run


def test_a_prompt_that_is_prepared_into_no_batch_is_reported_before_the_warm_up():
    class Engine(FakeEngine):
        def prepare(self, token_ids):
            return super().prepare(token_ids[:-1])

    with pytest.raises(ExperimentError, match="each of 3 prompts into one batch: missing: 2"):
        measure(Engine)


def test_an_engine_that_lacks_a_method_is_reported_by_the_names_of_all_that_are_missing():
    class Engine:
        def __init__(self, config, clock):
            self.info = None

        def run(self, batches, max_new_tokens=None): ...

    with pytest.raises(ExperimentError, match=r"it lacks architecture, cuda_facts, .*synchronise"):
        measure(Engine)


def test_a_loader_that_returns_nothing_is_reported():
    with pytest.raises(
        ExperimentError, match="an object that is not an engine: NoneType does not implement InferenceEngine"
    ):
        measure(lambda config, clock: None)


class Saying(FakeMeter):
    """A meter that reports what a test sets."""

    def __init__(self, reading):
        super().__init__()
        self.reading = reading

    def open_window(self):
        window = super().open_window()
        window.close = lambda start_s, end_s: self.reading
        return window


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (5.0, "fake gave float 5.0 instead of an EnergyReading"),
        (None, "fake gave NoneType None instead of an EnergyReading"),
        (EnergyReading(meter="fake"), "fake gave neither joules nor a reason"),
        (EnergyReading(meter="fake", energy_j=5.0), "fake gave 5 J without a method"),
        (
            EnergyReading(meter="fake", energy_j=0.0, method="counter"),
            "fake gave 0 J, which is impossible: its counter did not advance",
        ),
        (
            EnergyReading(meter="fake", energy_j=-3.0, method="counter"),
            "fake gave -3 J, which is impossible: its counter did not advance",
        ),
    ],
)
def test_a_reading_that_cannot_be_leaves_no_joules_and_a_reason(reading, reason):
    result = measure(meter=Saying(reading))
    assert result.energy_total_j is None
    assert reason in result.energy.reason
    assert result.baseline_power_w is None
    assert reason in result.baseline.reason
    assert any(warning.startswith("energy_unavailable") for warning in result.measurement_warnings)


def test_a_meter_that_lacks_a_method_is_reported_when_it_is_handed_in():
    class Meter:
        name = "half"
        devices = ()

        def open_window(self): ...

    with pytest.raises(TypeError, match="Meter does not implement EnergyBackend: it lacks release"):
        measure(meter=Meter())


class Filling(FromRecords):
    """A collector of any block."""

    def __init__(self, block, value=None):
        self.block, self._value = block, value

    def collect(self, window):
        return self._value


def test_a_collector_may_fill_a_field_that_no_check_reads():
    result = measure(collectors=(*COLLECTORS, Filling("process_results", ({"rank": 0},))))
    assert result.process_results == ({"rank": 0},)


@pytest.mark.parametrize(
    ("collectors", "message"),
    [
        ((*COLLECTORS, Filling("carbs")), "Filling fills 'carbs', which is not a field of ExperimentResult"),
        ((*COLLECTORS, Filling("tokens")), "more than one collector fills tokens"),
        (COLLECTORS[1:], "no collector fills tokens, which every result needs"),
        (COLLECTORS[:3], "no collector fills host, flops, which every result needs"),
    ],
)
def test_collectors_that_do_not_fit_the_result_are_reported_before_anything_is_loaded(collectors, message):
    with pytest.raises(ValueError, match=message):
        measure(collectors=collectors)


@pytest.mark.parametrize("block", sorted(ExperimentResult.model_fields))
def test_a_field_that_the_harness_fills_itself_is_refused_and_any_other_can_be_filled(block):
    others = [collector for collector in COLLECTORS if collector.block != block]
    mine = next((each for each in COLLECTORS if each.block == block), Filling(block))
    if block in OF_THE_HARNESS:
        with pytest.raises(ValueError, match=f"Filling fills '{block}', which the harness fills itself"):
            measure(collectors=(*others, mine))
    else:
        assert getattr(measure(collectors=(*others, mine)), block) == getattr(measure(), block)


def test_a_result_names_the_engine_that_generated_and_not_the_backend_of_the_configuration():
    class Engine(FakeEngine):
        def __init__(self, config, clock):
            super().__init__(config, clock)
            self.info = self.info.model_copy(update={"backend": "echo/1"})

    result = measure(Engine)
    assert result.backend == "echo/1"
    assert "(bfloat16, echo/1, cpu)" in result.summary()
    assert flat_numbers(result)["backend"] == "echo/1"
    assert folder_name(result).startswith("m_echo-1_2026")
    assert measure().backend == "pytorch"


def test_a_collector_that_lacks_a_method_is_reported_by_name():
    class Collector:
        block = "latency"

        def collect(self, window): ...

    with pytest.raises(TypeError, match="Collector does not implement MetricsCollector: it lacks arm, stop"):
        measure(collectors=(*COLLECTORS[:1], Collector()))
