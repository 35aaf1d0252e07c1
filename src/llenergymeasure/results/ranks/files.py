"""The files that each process of an experiment writes for the aggregation: a result file, then a marker.

```
 rank-00003.json     one line of facts, then the process's whole result, then its samples
 rank-00003.done     SHA-256 of the file, written last: a file with its marker is complete
```

Four checks come before combining: there are as many files as processes, their numbers have no gap, no rank is given twice,
and each file matches its marker.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from llenergymeasure._files import write_atomic
from llenergymeasure._json import read_json
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.packing import pack_samples, unpack_samples

FORMAT = 1
_NAME = re.compile(r"^rank-(\d{5})\.json$")


@dataclass(frozen=True)
class ProcessFacts:
    """Facts about a process that the aggregation needs in addition to its result.

    Attributes:
        rank: number of the process, from 0.
        world_size: number of processes.
        run_id: the same for all processes of one run.
        host: identifier of its machine, which distinguishes devices and meters of different machines.
        start_utc_s: start of its window in seconds since 1970.
        end_utc_s: end of its window in seconds since 1970.
        format: format version of this file.
    """

    rank: int
    world_size: int
    run_id: str
    host: str
    start_utc_s: float
    end_utc_s: float
    format: int = FORMAT


_FACTS = TypeAdapter(ProcessFacts)


@dataclass(frozen=True)
class ProcessResult:
    """One process's facts and result."""

    facts: ProcessFacts
    result: ExperimentResult


def stem(rank: int) -> str:
    """Name of a process's files without suffix."""
    return f"rank-{rank:05d}"


def write_process_result(folder: Path, facts: ProcessFacts, result: ExperimentResult) -> None:
    """Write a process's file, then its marker.

    Raises:
        LLEMError: the folder cannot be written (ConfigError) or the disk is full.
    """
    document = result.model_dump(mode="json")
    samples = pack_samples(document)
    text = json.dumps(asdict(facts)) + "\n" + json.dumps(document, ensure_ascii=False) + "\n"
    data = text.encode("utf-8", "backslashreplace") + samples
    write_atomic(folder / f"{stem(facts.rank)}.json", data)
    write_atomic(folder / f"{stem(facts.rank)}.done", hashlib.sha256(data).hexdigest())


def read_process_results(folder: Path, world_size: int, run_id: str | None = None) -> tuple[ProcessResult, ...]:
    """Check and read every process's file, in order of rank. Changes nothing.

    Args:
        folder: folder of the files.
        world_size: number of processes.
        run_id: id of the run; None = the id on which the files agree.

    Raises:
        AggregationError: a check failed; with the check and the rank.
    """
    numbers = sorted(int(match[1]) for path in folder.glob("*.json") if (match := _NAME.match(path.name)))
    if len(numbers) != world_size:
        raise AggregationError(f"{folder} has {len(numbers)} process files of {world_size}: {_listed(numbers)}")
    if numbers != list(range(world_size)):
        raise AggregationError(f"process files of {folder} are not numbered 0 to {world_size - 1}: {_listed(numbers)}")
    found = tuple(_read(folder, rank) for rank in numbers)
    _check_facts(found, world_size, run_id)
    return found


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "") or "none"


def _read(folder: Path, rank: int) -> ProcessResult:
    path, marker = folder / f"{stem(rank)}.json", folder / f"{stem(rank)}.done"
    try:
        data, expected = path.read_bytes(), marker.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise AggregationError(f"rank {rank} left no complete file: {error}; run the experiment again") from error
    if hashlib.sha256(data).hexdigest() != expected.strip():
        raise AggregationError(f"the file of rank {rank} does not match its marker: {path}; run the experiment again")
    try:
        return _parsed(data)
    except ValueError as error:  # pydantic's ValidationError is one
        raise AggregationError(f"the file of rank {rank} cannot be read: {path}: {_first_line(error)}") from error


def _parsed(data: bytes) -> ProcessResult:
    first = data.find(b"\n") + 1
    second = data.find(b"\n", first) + 1 or len(data)
    document = read_json(data[first:second])
    unpack_samples(document, memoryview(data)[second:])
    return ProcessResult(_facts(data[:first]), ExperimentResult.model_validate(document))


def _facts(line: bytes) -> ProcessFacts:
    facts = _FACTS.validate_json(line, strict=True)
    if not -math.inf < facts.start_utc_s < facts.end_utc_s < math.inf:
        raise ValueError(f"its window ends at {facts.end_utc_s} s and starts at {facts.start_utc_s} s")
    return facts


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _check_facts(found: tuple[ProcessResult, ...], world_size: int, run_id: str | None) -> None:
    ranks = [one.facts.rank for one in found]
    if ranks != list(range(world_size)):
        raise AggregationError(
            f"process files name ranks {_listed(ranks)}: one rank is given twice; run the experiment again"
        )
    for one in found:
        if one.facts.format != FORMAT:
            raise AggregationError(f"the file of rank {one.facts.rank} has format {one.facts.format}, not {FORMAT}")
        if one.facts.world_size != world_size:
            raise AggregationError(
                f"rank {one.facts.rank} was one of {one.facts.world_size} processes, not {world_size}"
            )
        if one.facts.run_id != (run_id or found[0].facts.run_id):
            raise AggregationError(f"the file of rank {one.facts.rank} belongs to another run ({one.facts.run_id})")
