"""The contract of every engine, as a class of tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.check_parts import check_engine
from llenergymeasure.core.collect.check_records import check_prepared, check_records, records_of
from llenergymeasure.protocols import Batch, Clock, InferenceEngine, ModelLoader
from llenergymeasure.records import RequestRecord, RunRecords
from llenergymeasure.testing.residue import children, left_threads, own_mb

# Lengths of the prompts: different, so that an engine that pads must mask, and not in order.
LENGTHS = (3, 1, 6, 2)
# Decisions: the largest difference of two stamps of one moment, and the longest time in which an idle device synchronises.
STAMP_S = 0.002
IDLE_S = 0.02
# A busy machine may interrupt this process: the best of so many runs counts.
TRIES = 3
# An idle process uses less than this share of one CPU.
IDLE_CPU = 0.5
# Memory of a process varies by less than this between two loads, also without a leak.
NOISE_MB = 16.0


@dataclass
class EngineBench:
    """A loaded engine, and what is needed to load it again.

    Attributes:
        config: greedy decoding with a small `max_output_tokens`, at least 4.
        loader: loads the engine.
        clock: the clock that the loader was given.
        engine: the engine that is loaded now.
    """

    config: ExperimentConfig
    loader: ModelLoader
    clock: Clock
    engine: InferenceEngine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self.loader.load(self.config)

    def prompts(self) -> list[list[int]]:
        """Prompts of different lengths, of ids that are not special."""
        tokenizer = self.engine.tokenizer
        ids = [index for index in range(min(tokenizer.vocab_size, 200)) if index not in tokenizer.special_ids]
        return [[ids[(7 * row + place) % len(ids)] for place in range(length)] for row, length in enumerate(LENGTHS)]

    def prepare(self) -> Sequence[Batch]:
        """These prompts, prepared by the engine."""
        return self.engine.prepare(self.prompts())

    def run(self, batches: Sequence[Batch] | None = None, max_new_tokens: int | None = None) -> Ran:
        """Run all prompts, or some of their batches."""
        prepared = self.prepare() if batches is None else batches
        self.engine.synchronise()
        started_s = self.clock.now()
        output = self.engine.run(prepared, max_new_tokens)
        returned_s = self.clock.now()
        self.engine.synchronise()
        idle_s = self.clock.now()
        return Ran(records_of(output), prepared, started_s, returned_s, idle_s)

    def load_again(self) -> None:
        """Release the engine, and load another one."""
        self.engine.release()
        self.engine = self.loader.load(self.config)


@contextmanager
def engine_bench(config: ExperimentConfig, loader: ModelLoader, clock: Clock) -> Iterator[EngineBench]:
    """A bench whose engine is released at the end."""
    bench = EngineBench(config, loader, clock)
    try:
        yield bench
    finally:
        bench.engine.release()


@dataclass(frozen=True)
class Ran:
    """The records of a run, and when it was called, returned, and the device was idle."""

    records: RunRecords
    batches: Sequence[Batch]
    started_s: float
    returned_s: float
    idle_s: float

    def ids(self) -> dict[int, tuple[int, ...] | None]:
        """The generated ids of each prompt; None where the engine reports only their number."""
        return {request.prompt_index: request.output_ids for request in self.records.requests}


class EngineContract:
    """Tests of an engine. Derive a class from it, beside a fixture `bench` that gives an `EngineBench`.

    ```python
    @pytest.fixture(scope="module")
    def bench():
        clock = SystemClock()
        with engine_bench(ExperimentConfig(model="m", max_output_tokens=8), MyLoader(clock), clock) as bench:
            yield bench

    class TestMyEngine(EngineContract):
        pass
    ```
    """

    def test_it_is_an_engine(self, bench: EngineBench) -> None:
        """It has every member of `InferenceEngine`, and a tokenizer."""
        check_engine(bench.engine)
        tokenizer = bench.engine.tokenizer
        assert tokenizer.vocab_size > 0, f"vocab_size is {tokenizer.vocab_size}"
        rows = tokenizer.encode(["a b", "a"])
        assert len(rows) == 2, f"encode gave {len(rows)} rows for 2 texts"
        outside = [token for row in rows for token in row if not 0 <= token < tokenizer.vocab_size]
        assert not outside, f"encode gave ids that are not below vocab_size {tokenizer.vocab_size}: {outside}"
        assert isinstance(bench.engine.architecture, dict), "architecture is no dict"

    def test_its_information_is_consistent(self, bench: EngineBench) -> None:
        """Numbers that are known are positive, and those of static batches and of a scheduler are not both there."""
        info = bench.engine.info
        assert info.name == bench.config.model, f"info.name is {info.name}, the model is {bench.config.model}"
        numbers = ("n_parameters", "n_matmul_parameters", "memory_mb", "batch_size", "max_num_seqs", "max_positions")
        wrong = {name: value for name in numbers if (value := getattr(info, name)) is not None and value <= 0}
        assert not wrong, f"not known is None: {wrong}"
        assert info.batch_size is None or info.max_num_seqs is None, "info has both batch_size and max_num_seqs"
        if info.device == "cuda":
            assert info.devices, "info.devices is empty on CUDA"
        batched = bool(bench.run().records.batches)
        assert batched or info.batch_size is None, "info has a batch_size, and the records have no batches"

    def test_every_prompt_is_prepared_once(self, bench: EngineBench) -> None:
        """Each prompt is in one batch, which is as long as its longest prompt."""
        batches = bench.prepare()
        check_prepared(batches, len(LENGTHS))
        for batch in batches:
            longest = max(LENGTHS[index] for index in batch.prompt_indices)
            assert batch.padded_length >= longest, f"padded_length {batch.padded_length} is below a prompt of {longest}"

    def test_every_prompt_is_answered_and_every_token_counted_once(self, bench: EngineBench) -> None:
        """There is one record per prompt, with the tokens of the prompt and of its output."""
        ran = bench.run()
        check_records(ran.records, ran.batches, ran.started_s, ran.idle_s)
        limit, vocabulary = bench.config.output_limit, bench.engine.tokenizer.vocab_size
        for request in ran.records.requests:
            name, length = f"prompt {request.prompt_index}", LENGTHS[request.prompt_index]
            assert request.input_tokens == length, f"{name} has {length} tokens, and {request.input_tokens} are counted"
            assert 1 <= request.output_tokens <= limit, f"{name} has {request.output_tokens} output tokens of {limit}"
            strange = [token for token in request.output_ids or () if not 0 <= token < vocabulary]
            assert not strange, f"{name} has output ids that are not below vocab_size {vocabulary}: {strange}"
            # A server sends no event for the end of a sequence.
            if request.token_counts and ran.records.traffic is None:
                counted = request.token_counts[-1]
                assert counted >= request.output_tokens, (
                    f"{name} has {request.output_tokens} tokens and times of {counted}"
                )

    def test_times_are_in_order_and_inside_the_run(self, bench: EngineBench) -> None:
        """A request is received, begun, has its first token and its last one, while `run` is running."""
        ran = bench.run()
        for request in ran.records.requests:
            steps = list(_moments(ran, request))
            for (before, before_s), (after, after_s) in zip(steps, steps[1:]):
                late = f"prompt {request.prompt_index}: {after} is {before_s - after_s:.3g} s before {before}"
                assert after_s >= before_s - STAMP_S, late

    def test_it_is_idle_when_run_returns(self, bench: EngineBench) -> None:
        """Nothing is generated afterwards: no device is busy, and no thread works on."""
        runs = [_after_a_run(bench) for _ in range(TRIES)]
        waited_s, cpus = (min(values) for values in zip(*runs))
        assert waited_s <= IDLE_S, f"the device was still busy for {waited_s:.3g} s after run had returned"
        assert cpus <= IDLE_CPU, f"{cpus:.2g} CPUs were busy after run had returned"

    def test_a_warm_up_generates_exactly_the_tokens_that_it_asks_for(self, bench: EngineBench) -> None:
        """`max_new_tokens` is the length of every output, up to the limit of the configuration."""
        batches, limit = bench.prepare(), bench.config.output_limit
        for tokens in (1, 2, limit):
            ran = bench.run(batches[:1], max_new_tokens=tokens)
            check_records(ran.records, batches[:1], ran.started_s, ran.idle_s)
            found = [request.output_tokens for request in ran.records.requests]
            assert found == [tokens] * len(found), f"{tokens} tokens were asked for, and the outputs have {found}"

    def test_greedy_ids_are_repeatable(self, bench: EngineBench) -> None:
        """The same prompts give the same ids, also after a warm-up of another length."""
        first = bench.run().ids()
        bench.run(bench.prepare()[:1], max_new_tokens=2)
        assert bench.run().ids() == first, "a second run of the same prompts gave other ids"

    def test_the_peak_of_memory_is_known_or_has_a_reason(self, bench: EngineBench) -> None:
        """The peak is above 0; None has its reason as the source."""
        bench.engine.reset_peak_memory()
        bench.run()
        peak_mb, source = bench.engine.peak_memory_mb()
        assert source, "peak_memory_mb gave no source"
        assert peak_mb is None or peak_mb > 0, f"the peak is {peak_mb} MB; not known is None"

    def test_release_leaves_nothing_and_the_model_loads_again(self, bench: EngineBench) -> None:
        """Two more loads use no more memory than the one before, leave no process, and generate the same ids."""
        ids, threads, processes = bench.run().ids(), set(threading.enumerate()), children()
        bench.load_again()
        assert bench.run().ids() == ids, "the model generates other ids when it is loaded again"
        before_mb = own_mb()
        for _ in range(2):
            bench.load_again()
            bench.run()
        grown_mb = (own_mb() or 0.0) - (before_mb or 0.0)
        most_mb = max(NOISE_MB, (bench.engine.info.memory_mb or 0.0) / 2)
        assert grown_mb <= most_mb, f"two more loads left {grown_mb:.0f} MB of memory in use"
        assert children() <= processes, "release left a process"
        assert not [thread for thread in left_threads(threads) if not thread.daemon], "release left a thread"

    def test_release_is_safe_twice(self, bench: EngineBench) -> None:
        """A second release does nothing; then the model is loaded for further tests."""
        bench.engine.release()
        bench.load_again()


def _after_a_run(bench: EngineBench) -> tuple[float, float]:
    """How long the device was busy after a run had returned, in s, and how many CPUs this process used then."""
    ran = bench.run()
    cpu_s, start_s = bench.clock.cpu_seconds(), bench.clock.now()
    bench.clock.sleep(0.2)
    return ran.idle_s - ran.returned_s, (bench.clock.cpu_seconds() - cpu_s) / (bench.clock.now() - start_s)


def _moments(ran: Ran, request: RequestRecord) -> Iterator[tuple[str, float]]:
    """The moments of a request that are known, in the order in which they must be."""
    yield "the call of run", ran.started_s
    if request.queued_s is not None:
        yield "queued_s", request.queued_s
    yield "scheduled_s", request.scheduled_s
    if request.first_token_s is not None:
        yield "first_token_s", request.first_token_s
    yield from (("token_times_s", time_s) for time_s in request.token_times_s)
    yield "finished_s", request.finished_s
    yield "the return of run", ran.returned_s
