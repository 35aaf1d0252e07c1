"""Engines with an error break the contract of engines, each in the test that is named for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from itertools import count

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.records import RunRecords
from llenergymeasure.testing import EngineBench, EngineContract, FakeBatch, FakeClock, FakeEngine, FakeLoader

CONFIG = ExperimentConfig(model="m", max_output_tokens=8, pytorch={"batch_size": 4})
CHECKS = [name for name in vars(EngineContract) if name.startswith("test_")]


@dataclass
class Loader:
    """Loads an engine of the given class."""

    kind: type[FakeEngine]
    clock: FakeClock

    def load(self, config):
        return self.kind(config, self.clock)


def broken(kind, clock=FakeClock) -> dict[str, str]:
    """The tests that such an engine fails, with their messages; each has a bench of its own."""
    failures = {}
    for name in CHECKS:
        now = clock()
        bench = EngineBench(CONFIG, Loader(kind, now), now)
        try:
            getattr(EngineContract(), name)(bench)
        except Exception as error:
            failures[name.removeprefix("test_")] = str(error)
    return failures


@dataclass(frozen=True)
class Reported:
    """An output with these records."""

    reported: RunRecords

    def records(self):
        return self.reported


class Changing(FakeEngine):
    """Changes its records before it returns them."""

    def change(self, records: RunRecords) -> RunRecords:
        return records

    def run(self, batches, max_new_tokens=None):
        return Reported(self.change(super().run(batches, max_new_tokens).records()))


def each(**fields):
    """An engine without batches that changes fields of each request."""

    class Engine(Changing):
        def change(self, records):
            requests = (replace(request, batch=None) for request in records.requests)
            return RunRecords(
                tuple(
                    replace(request, **{name: value(request) for name, value in fields.items()}) for request in requests
                )
            )

        def __init__(self, config, clock):
            super().__init__(config, clock)
            self.info = self.info.model_copy(update={"batch_size": None, "max_num_seqs": 4})

    return Engine


def test_the_fake_engine_keeps_the_contract_with_and_without_batches():
    assert broken(FakeEngine) == {}
    assert broken(each()) == {}


class Doubles(Changing):
    def change(self, records):
        return RunRecords(records.requests * 2, records.batches)


class ForgetsOne(Changing):
    def change(self, records):
        return RunRecords(records.requests[1:], records.batches)


class PreparesTwice(FakeEngine):
    def prepare(self, token_ids):
        return super().prepare(token_ids) * 2


class TooNarrow(FakeEngine):
    def prepare(self, token_ids):
        return [NarrowBatch(batch.prompt_indices, batch.lengths) for batch in super().prepare(token_ids)]


class NarrowBatch(FakeBatch):
    padded_length = 2


class IgnoresTheWarmUp(FakeEngine):
    def run(self, batches, max_new_tokens=None):
        return super().run(batches)


class RunsEverything(FakeEngine):
    """Generates for all prepared prompts, whatever it is given."""

    def prepare(self, token_ids):
        prompts = super().prepare(token_ids)
        self._all = prompts
        return [
            FakeBatch((index,), (length,))
            for batch in prompts
            for index, length in zip(batch.prompt_indices, batch.lengths)
        ]

    def run(self, batches, max_new_tokens=None):
        return super().run(self._all, max_new_tokens)


class ReturnsEarly(FakeEngine):
    """Starts the work, and waits for it only in `synchronise`."""

    pending_s = 0.0

    def run(self, batches, max_new_tokens=None):
        before_s = self._clock.seconds
        output = super().run(batches, max_new_tokens)
        self.pending_s, self._clock.seconds = self._clock.seconds - before_s, before_s
        return output

    def synchronise(self):
        self._clock.sleep(self.pending_s)
        self.pending_s = 0.0


class WorksOn(FakeClock):
    """The clock of a process that uses a whole CPU also while it sleeps."""

    def sleep(self, seconds):
        super().sleep(seconds)
        self.cpu += seconds


class Random(Changing):
    numbers = count(10)

    def change(self, records):
        return replace(
            records,
            requests=tuple(replace(r, output_ids=(next(self.numbers),) * r.output_tokens) for r in records.requests),
        )


class DependsOnTheLoad(Changing):
    """Draws other weights each time it is loaded."""

    loads = count(10)

    def __init__(self, config, clock):
        super().__init__(config, clock)
        self._token = next(self.loads)

    def change(self, records):
        return replace(
            records, requests=tuple(replace(r, output_ids=(self._token,) * r.output_tokens) for r in records.requests)
        )


class Keeps(FakeEngine):
    """Keeps 40 MB of each load."""

    kept = []

    def __init__(self, config, clock):
        super().__init__(config, clock)
        self.kept.append(b"x" * 40_000_000)


class ReleasedOnce(FakeEngine):
    def release(self):
        super().release()
        if self.released > 1:
            raise RuntimeError("already released")


def informed(**update):
    """An engine that describes its model wrongly."""

    class Engine(FakeEngine):
        def __init__(self, config, clock):
            super().__init__(config, clock)
            self.info = self.info.model_copy(update=update)

    return Engine


class NoPeak(FakeEngine):
    def peak_memory_mb(self):
        return 0.0, "fake"


class Lacking:
    """Only a part of an engine."""

    def __init__(self, config, clock):
        self.info = None


class StrangeTokenizer(FakeEngine):
    def __init__(self, config, clock):
        super().__init__(config, clock)
        self.tokenizer = type("Small", (type(self.tokenizer),), {"vocab_size": 11})()


@pytest.mark.parametrize(
    ("engine", "check", "message"),
    [
        (Doubles, "every_prompt_is_answered_and_every_token_counted_once", "more than once: 0, 1, 2, 3"),
        (ForgetsOne, "every_prompt_is_answered_and_every_token_counted_once", "missing: 0"),
        (
            each(input_tokens=lambda r: 6),
            "every_prompt_is_answered_and_every_token_counted_once",
            "prompt 0 has 3 tokens, and 6 are counted",
        ),
        (
            each(output_tokens=lambda r: 9, output_ids=lambda r: None),
            "every_prompt_is_answered_and_every_token_counted_once",
            "prompt 0 has 9 output tokens of 8",
        ),
        (
            each(output_ids=lambda r: (5000,) * r.output_tokens),
            "every_prompt_is_answered_and_every_token_counted_once",
            "not below vocab_size 1000",
        ),
        (
            each(token_counts=lambda r: tuple(min(n, 5) for n in r.token_counts)),
            "every_prompt_is_answered_and_every_token_counted_once",
            "prompt 0 has 8 tokens and times of 5",
        ),
        (PreparesTwice, "every_prompt_is_prepared_once", "more than once"),
        (TooNarrow, "every_prompt_is_prepared_once", "padded_length 2 is below a prompt of 6"),
        (
            each(scheduled_s=lambda r: r.scheduled_s - 0.3),
            "times_are_in_order_and_inside_the_run",
            "before the call of run",
        ),
        (
            each(first_token_s=lambda r: r.finished_s + 0.1),
            "times_are_in_order_and_inside_the_run",
            "before first_token_s",
        ),
        (
            each(first_token_s=lambda r: r.scheduled_s - 0.01),
            "times_are_in_order_and_inside_the_run",
            "first_token_s is 0.01 s before scheduled_s",
        ),
        (
            each(finished_s=lambda r: r.finished_s + 0.1),
            "times_are_in_order_and_inside_the_run",
            "the return of run is 0.1 s",
        ),
        (
            each(finished_s=lambda r: r.finished_s - 0.03),
            "times_are_in_order_and_inside_the_run",
            "finished_s is 0.03 s before token_times_s",
        ),
        (ReturnsEarly, "times_are_in_order_and_inside_the_run", "the return of run is"),
        (ReturnsEarly, "it_is_idle_when_run_returns", "still busy for 0.17 s"),
        (IgnoresTheWarmUp, "a_warm_up_generates_exactly_the_tokens_that_it_asks_for", "1 tokens were asked for"),
        (RunsEverything, "a_warm_up_generates_exactly_the_tokens_that_it_asks_for", "unknown: 1, 2, 3"),
        (Random, "greedy_ids_are_repeatable", "gave other ids"),
        (DependsOnTheLoad, "release_leaves_nothing_and_the_model_loads_again", "other ids when it is loaded again"),
        (Keeps, "release_leaves_nothing_and_the_model_loads_again", "of memory in use"),
        (ReleasedOnce, "release_is_safe_twice", "already released"),
        (informed(name="other"), "its_information_is_consistent", "info.name is other"),
        (informed(n_parameters=0), "its_information_is_consistent", "not known is None: {'n_parameters': 0}"),
        (informed(max_num_seqs=4), "its_information_is_consistent", "both batch_size and max_num_seqs"),
        (informed(device="cuda", devices=()), "its_information_is_consistent", "devices is empty"),
        (NoPeak, "the_peak_of_memory_is_known_or_has_a_reason", "the peak is 0.0 MB"),
        (Lacking, "it_is_an_engine", "it lacks architecture"),
        (StrangeTokenizer, "it_is_an_engine", "not below vocab_size 11"),
    ],
)
def test_an_engine_with_an_error_breaks_the_contract(engine, check, message):
    assert message in broken(engine)[check]
    Keeps.kept.clear()


def test_a_batch_size_without_batches_breaks_the_contract():
    class Unbatched(each()):
        def __init__(self, config, clock):
            super().__init__(config, clock)
            self.info = self.info.model_copy(update={"batch_size": 4, "max_num_seqs": None})

    assert "the records have no batches" in broken(Unbatched)["its_information_is_consistent"]


def test_a_process_that_works_on_breaks_the_contract():
    assert broken(FakeEngine, WorksOn).keys() == {"it_is_idle_when_run_returns"}


def test_a_thread_that_outlives_the_release_breaks_the_contract():
    ends = threading.Event()

    class Working(FakeEngine):
        def __init__(self, config, clock):
            super().__init__(config, clock)
            threading.Thread(target=ends.wait).start()

    try:
        clock = FakeClock()
        bench = EngineBench(CONFIG, Loader(Working, clock), clock)
        with pytest.raises(AssertionError, match="release left a thread"):
            EngineContract().test_release_leaves_nothing_and_the_model_loads_again(bench)
    finally:
        ends.set()


def test_the_fake_loader_loads_what_the_bench_needs():
    clock = FakeClock()
    assert isinstance(EngineBench(CONFIG, FakeLoader(clock), clock).engine, FakeEngine)
