"""Static batches have the blocks that they had in release 2.0, to the last digit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from a_gpu_result import a_gpu_result
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.compilation import compilation_of
from llenergymeasure.core.collect.latency import LatencyCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.collect.phases import split_energy
from llenergymeasure.core.collect.timeline import timeline_of
from llenergymeasure.core.flops.collectors import ExactFlopsCollector, PalmFlopsCollector
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.protocols import Window
from llenergymeasure.records import BatchRecord, EnergyStep, RequestRecord, RunRecords, requests_of
from llenergymeasure.testing import FakeClock, FakeEngine
from static_batches import Call, calls

GOLDEN = Path(__file__).parents[3] / "golden" / "static-batches.json"
LLAMA = {
    "model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 32, "head_dim": 4, "tie_word_embeddings": True,
}  # fmt: skip


def without_steps(passes: list[list[Call]]) -> list[list[Call]]:
    return [[replace(call, step_times_s=(), step_tokens=()) for call in one] for one in passes]


def cut_short(passes: list[list[Call]]) -> list[list[Call]]:
    """Answers that are shorter than the steps, as beam search may return them."""
    return [[replace(call, output_ids=tuple(ids[:2] for ids in call.output_ids)) for call in one] for one in passes]


def of_one_token(passes: list[list[Call]]) -> list[list[Call]]:
    """Calls that end with their first token, each right after the one before."""
    (calls_,), found, now_s = passes, [], 1.0
    for call in calls_:
        first_s = now_s + call.finished_s - call.started_s
        ids = tuple(row[:1] for row in call.output_ids)
        found.append(
            replace(
                call, output_ids=ids, started_s=now_s, finished_s=first_s, step_times_s=(first_s,), step_tokens=(1,)
            )
        )
        now_s = first_s
    return [found]


CASES: dict[str, tuple[list[list[Call]], dict[str, Any]]] = {
    "batches of four": (calls(1, rows=4), {}),
    "one by one": (calls(2, rows=1), {}),
    "three passes": (calls(3, rows=5, passes=3), {}),
    "several tokens per step": (calls(4, rows=1, most=4), {}),
    "several tokens per step and rows": (calls(5, rows=4, most=4), {}),
    "beams": (calls(6, rows=4), {"decoder": {"decoding_strategy": "beam", "num_beams": 3}}),
    "beams shorter than their steps": (
        cut_short(calls(13, rows=4)), {"decoder": {"decoding_strategy": "beam", "num_beams": 3}},
    ),
    "one token each": (of_one_token(calls(14, rows=2)), {}),
    "without steps": (without_steps(calls(7, rows=4, passes=2)), {}),
    "steps of one batch only": ([calls(8, rows=4)[0][:1] + without_steps(calls(8, rows=4))[0][1:]], {}),
    "compilations not counted": (calls(9, rows=4, counts=False), {}),
    "a static cache": (calls(10, rows=4), {"pytorch": {"cache_implementation": "static"}}),
    "no cache": (calls(11, rows=4), {"pytorch": {"use_cache": False}}),
    "a window of many updates": (calls(12, rows=2, passes=9), {}),
}  # fmt: skip


def batch_of(call: Call) -> BatchRecord:
    times = {name: value for name, value in vars(call).items() if name not in ("input_lengths", "output_ids")}
    return BatchRecord(padded_length=max(call.input_lengths), **times)


def records(calls_: list[Call], beams: bool) -> RunRecords:
    batches, requests = tuple(map(batch_of, calls_)), list[RequestRecord]()
    for number, call in enumerate(calls_):
        requests += requests_of(batches[number], number, call.input_lengths, call.output_ids, known_at_end=beams)
    return RunRecords(tuple(requests), batches)


def blocks(passes: list[list[Call]], fields: dict[str, Any]) -> dict[str, Any]:
    """Every block of the result that is computed from the records."""
    config = ExperimentConfig(model="m", n=14, max_output_tokens=36, **fields)
    engine = FakeEngine(config, FakeClock())
    engine.architecture = LLAMA
    end_s = passes[-1][-1].finished_s + 0.01
    beams = config.decoder.decoding_strategy == "beam"
    ran = tuple(records(one, beams) for one in passes)
    window = Window(0.99, end_s, 2.5, ran, config, engine, truncated_prompts=2, double_bos_prompts=1)
    collectors = (
        TokenCollector(), LatencyCollector(), PhaseCollector(), PalmFlopsCollector(), ExactFlopsCollector(),
    )  # fmt: skip
    found: dict[str, Any] = {collector.block: collector.collect(window) for collector in collectors}
    reading = EnergyReading(meter="nvml", method="counter", energy_j=300 * (end_s - 0.99), uncertainty_j=20.0)
    found["phase_energy"] = split_energy(window.requests, found["phases"], [updates(passes, end_s)], reading)
    found["compilation"] = compilation_of(window.batches)
    found["timeline"] = timeline_of([(0.1, "load"), (0.5, "window")], window)
    return {name: None if block is None else block.model_dump(mode="json") for name, block in found.items()}


def updates(passes: list[list[Call]], end_s: float) -> list[EnergyStep]:
    """A counter that is updated every 0.1 s: 400 W in prefill and 250 W otherwise."""
    prefills = [(call.started_s, call.step_times_s[0]) for one in passes for call in one if call.step_times_s]
    steps, now_s = [], 1.0
    while now_s + 0.1 < end_s:
        inside_s = sum(max(min(end, now_s + 0.1) - max(start, now_s), 0.0) for start, end in prefills)
        steps.append(EnergyStep(now_s, now_s + 0.1, 25.0 + 150.0 * inside_s))
        now_s += 0.1
    return steps


def blocks_of_a_gpu() -> dict[str, Any]:
    result = a_gpu_result(n=12)
    names = ("tokens", "latency", "phases", "phase_energy", "timeline", "energy", "flops")
    return {name: getattr(result, name).model_dump(mode="json") for name in names}


def everything() -> dict[str, Any]:
    return {**{name: blocks(*case) for name, case in CASES.items()}, "a whole experiment": blocks_of_a_gpu()}


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_the_blocks_of_static_batches_are_those_of_release_2_0(case, golden):
    compare(as_json(blocks(*CASES[case])), golden[case])


def test_the_blocks_of_an_experiment_on_a_gpu_are_those_of_release_2_0(golden):
    compare(as_json(blocks_of_a_gpu()), golden["a whole experiment"])


def compare(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Equal blocks; a field that is newer than the golden file is empty."""
    for name, block in expected.items():
        known = block and {field: found[name][field] for field in block}
        assert known == block
        newer = {field: value for field, value in (found[name] or {}).items() if field not in block}
        assert not any(newer.values()), newer


def as_json(value: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(value))
