"""The program of one process that `study.parallel` starts: `python -m llenergymeasure.launch.ranks.worker FOLDER`.

A thread of its own tells every second that the process is there and waits for SIGTERM, which it obeys even while the
main thread is inside torch or waits for the others. It ends the process, too, when the one that started it was killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from llenergymeasure._files import process_is_alive
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import ConfigError, LLEMError
from llenergymeasure.launch.ranks.rank import GONE, measure_share, rank_info_of, why
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import Silent
from llenergymeasure.results.ranks.files import failures, stem, write_failure

BEAT_S = 1.0
# Holds the number of the process that wants the result.
STARTER_FILE = "starter"
ENDED_BY = frozenset({signal.SIGTERM, signal.SIGINT})


def main(folder: Path) -> int:
    """Measure this process's share; exit code 1 when it failed."""
    rank_info = rank_info_of(os.environ)
    if rank_info is None:
        raise ConfigError("this program is started by torch's launcher")
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDED_BY)
    starter = int((folder / STARTER_FILE).read_text(encoding="ascii"))
    threading.Thread(target=_tell_and_listen, args=(folder, rank_info.rank, starter), daemon=True).start()
    config = ExperimentConfig.model_validate_json((folder / "config.json").read_text(encoding="utf-8"))
    try:
        measure_share(config, Session(progress=Silent()), rank_info, base=None, folder=folder)
    except LLEMError as error:
        if rank_info.rank not in failures(folder):
            write_failure(folder, rank_info.rank, why(error))
        return 1
    return 0


def _tell_and_listen(folder: Path, rank: int, starter: int) -> None:
    alive = folder / f"{stem(rank)}.alive"
    while process_is_alive(starter):
        with suppress(OSError):
            alive.write_text(str(os.getpid()), encoding="ascii")
        if signal.sigtimedwait(ENDED_BY, BEAT_S) is not None:
            with suppress(LLEMError):
                write_failure(folder, rank, f"{GONE} gave up, or the run was interrupted")
            os._exit(143)
    os._exit(143)  # nobody is left to hear the result


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
