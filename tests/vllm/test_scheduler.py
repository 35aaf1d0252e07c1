"""What the scheduler of vLLM does with requests is in the records: waiting, preemptions, and hits of the prefix cache."""

from __future__ import annotations

PROMPTS = [[10 + (7 * row + place) % 4000 for place in range(length)] for row, length in enumerate((5, 40, 12, 200))]


def records_of(engine, prompts=PROMPTS):
    return engine.run(engine.prepare(prompts)).records()


def test_sampling_repeats_itself_with_the_seed(engine_of):
    with engine_of(**{"decoder.decoding_strategy": "sampling", "random_seed": 7}) as engine:
        first, second = records_of(engine), records_of(engine)
    assert [request.output_ids for request in first.requests] == [request.output_ids for request in second.requests]


def test_requests_that_wait_are_queued_and_then_scheduled(engine_of):
    with engine_of(**{"vllm.max_num_seqs": 1}) as engine:
        requests = records_of(engine).requests
    for before, after in zip(requests, requests[1:]):
        assert after.scheduled_s >= before.finished_s
        assert after.queued_s < before.finished_s


def test_a_cache_that_is_too_small_preempts_and_says_so(engine_of):
    """Blocks of 32 tokens: 4 requests grow beyond what they started with."""
    prompts = [[10 + row] * 60 for row in range(4)]
    with engine_of(
        **{
            "vllm.block_size": 32, "vllm.max_model_len": 256, "max_output_tokens": 180, "min_output_tokens": 180,
            "passthrough_kwargs": {"num_gpu_blocks_override": 20, "kv_cache_memory_bytes": 2**27},
        }
    ) as engine:  # fmt: skip
        records = records_of(engine, prompts)
    assert records.scheduler.preemptions > 0
    assert records.scheduler.cache_usage > 0.8
    assert {request.output_tokens for request in records.requests} == {180}


def test_the_prefix_cache_is_empty_at_the_start_of_a_run_and_its_hits_are_counted(engine_of):
    shared = [[10] * 64 + [20 + row] * 10 for row in range(8)]
    with engine_of(**{"vllm.enable_prefix_caching": True, "vllm.block_size": 32, "vllm.max_num_seqs": 1}) as engine:
        first, second = records_of(engine, shared).scheduler, records_of(engine, shared).scheduler
    assert first == second
    assert (first.prefix_tokens, first.cached_tokens) == (8 * 74, 7 * 64)
