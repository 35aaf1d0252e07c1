"""Reading and combining the files of 64 processes, for three numbers of requests: CPU seconds, peak memory, and growth."""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import ROOT, Row
from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.domain.measurements import LatencyResult
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import ProcessFacts, read_process_results, write_process_result

RANKS = 64
REQUESTS = (1_000, 10_000, 100_000)
# Requests in batches of 32 with 8 decode steps each: one inter-token sample for four requests.
BATCH, STEPS = 32, 8
REPEATS = 3
GOLDEN = ROOT / "tests" / "golden" / "result-2.0.json"


def rows() -> Iterator[Row]:
    """Time and memory of each size, then the growth of the time with the size."""
    seconds = {}
    for requests in REQUESTS:
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder), requests)
            found = [in_a_process(folder) for _ in range(REPEATS)]
        times, peaks = zip(*found)
        seconds[requests] = min(times)
        largest = requests == REQUESTS[-1]
        name = f"{RANKS} processes x {requests} requests"
        yield row(
            f"{name}: read and combined, CPU", times, "s", "<= 5" if largest else "", not largest or min(times) <= 5
        )
        yield row(f"{name}: peak memory", peaks, "MB", "<= 1000" if largest else "", not largest or max(peaks) <= 1000)
    growth = seconds[REQUESTS[-1]] / seconds[REQUESTS[-2]] / (REQUESTS[-1] / REQUESTS[-2])
    yield row("growth of time over growth of requests, last two", [growth], "x", "<= 1.3", growth <= 1.3)


def row(name: str, values: tuple[float, ...] | list[float], unit: str, target: str, kept: bool) -> Row:
    return Row(name, statistics.median(values), min(values), max(values), unit, target, kept)


def write_files(folder: Path, requests: int) -> None:
    """Write the files of all processes with this many requests each, eight processes per machine."""
    draw = random.Random(requests)
    for rank in range(RANKS):
        facts = ProcessFacts(rank, RANKS, "bench", f"host{rank // 8}", 1000.0, 1060.0)
        write_process_result(folder, facts, a_result(requests, rank, draw))


def a_result(requests: int, rank: int, draw: random.Random) -> ExperimentResult:
    golden = ExperimentResult.model_validate(json.loads(GOLDEN.read_text(encoding="utf-8")))
    lengths = (requests, requests, requests * STEPS // BATCH)
    samples = [tuple(draw.lognormvariate(6, 0.3) for _ in range(length)) for length in lengths]
    latency = LatencyResult.model_construct(
        request=distribution([samples[0][:100]]),
        ttft=distribution([samples[1][:100]]),
        itl=distribution([samples[2][:100]]),
        request_ms=samples[0],
        ttft_ms=samples[1],
        itl_ms=samples[2],
        itl_weights=tuple(draw.choices(range(1, BATCH + 1), k=lengths[2])),
    )
    tokens = golden.tokens.model_copy(
        update={"n_prompts": requests, "output_tokens_per_prompt": tuple(draw.choices(range(1, 129), k=requests))}
    )
    energy_j = golden.energy.energy_j or 100.0
    energy = golden.energy.model_copy(update={"energy_j": energy_j, "per_device_j": {f"GPU-{rank}": energy_j}})
    return golden.model_copy(update={"latency": latency, "tokens": tokens, "energy": energy})


def in_a_process(folder: str) -> tuple[float, float]:
    """CPU seconds and peak MB of a fresh process."""
    command = [sys.executable, "-m", "benchmarks.aggregation", folder]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    seconds, peak_mb = map(float, said.split())
    return seconds, peak_mb


def main(folder: str) -> None:
    """Read and combine; print CPU seconds and peak MB."""
    start_s = time.process_time()
    whole = aggregate(read_process_results(Path(folder), RANKS))
    elapsed_s = time.process_time() - start_s
    assert whole.latency is not None
    print(elapsed_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


if __name__ == "__main__":
    main(sys.argv[1])
