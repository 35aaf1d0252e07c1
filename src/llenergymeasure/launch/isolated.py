"""The same experiment again in a fresh process, so that nothing of this process can be the reason for what was found.

`measure_fresh` writes the request into a temporary folder, starts `python -m llenergymeasure.launch.isolated FOLDER`, and
reads back one result per repeat. Whatever happens, neither process nor folder outlives the call.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import BackendError, ExperimentError, LLEMError
from llenergymeasure.launch.process import run_child
from llenergymeasure.orchestration.orchestrator import Session, opened
from llenergymeasure.progress import Silent

REQUEST = "request.json"
FAILED = "failed"


def measure_fresh(
    config: ExperimentConfig, repeats: int, meter_name: str | None, session: Session
) -> tuple[ExperimentResult, ...]:
    """Load and warm up in a new process, measure so many windows there, and bring the results home.

    Args:
        config: the experiment.
        repeats: how many windows.
        meter_name: the meter to use; None = as configured.
        session: of this process; its model is let go first, the other process needs the memory.

    Raises:
        ExperimentError: the other process failed; says why.
        KeyboardInterrupt: an interrupt came; the process is gone.
    """
    session.model_cache.drop()
    with tempfile.TemporaryDirectory(prefix="llem-fresh-") as name:
        folder = Path(name)
        request = {"config": config.model_dump_json(), "repeats": repeats, "meter": meter_name}
        (folder / REQUEST).write_text(json.dumps(request), encoding="utf-8")
        command = [sys.executable, "-m", "llenergymeasure.launch.isolated", str(folder)]
        ended = run_child(command, dict(session.environ), folder / "log")
        if ended.exit_code != 0:
            raise ExperimentError(config, BackendError(f"the fresh process failed: {_why(folder, ended.said)}"))
        return tuple(ExperimentResult.from_json(path) for path in sorted(folder.glob("repeat-*.json")))


def _why(folder: Path, said: str) -> str:
    failed = folder / FAILED
    if failed.is_file():
        return failed.read_text(encoding="utf-8")
    return (said.strip().splitlines() or ["it does not say why"])[-1]


def main(folder: Path) -> int:
    """The other process: measure what is asked; exit code 1 when that failed."""
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    config = ExperimentConfig.model_validate_json(request["config"])
    try:
        with opened(config, Session(progress=Silent()), meter_name=request["meter"]) as experiment:
            for number in range(request["repeats"]):
                experiment.measure().to_json(folder / f"repeat-{number:04}.json")
    except LLEMError as error:
        (folder / FAILED).write_text(str(error), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
