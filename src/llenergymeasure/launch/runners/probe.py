"""The program that answers for an environment: `python -m llenergymeasure.launch.runners.probe FOLDER`.

It checks experiments where they will be measured, and reports what is installed there. It measures nothing.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.registry import installed_backends
from llenergymeasure.core.machine.environment import take_snapshot
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.exchange.environ_file import take_environ
from llenergymeasure.launch.lifeline import start_lifeline
from llenergymeasure.launch.runners.question import Answer, Question, read, write
from llenergymeasure.orchestration.dry_run import findings_without_torch
from llenergymeasure.orchestration.model.hub import hub_findings
from llenergymeasure.orchestration.model.required_files import AskHub
from llenergymeasure.orchestration.orchestrator import Session, findings_with_torch
from llenergymeasure.progress import Silent


def main(folder: Path) -> int:
    """Answer the question in a folder. Returns 0."""
    question = read(Question, folder)
    os.environ.update(take_environ(folder))
    lifeline = start_lifeline(folder, 0, question.owner, lambda: None)
    try:
        write(answer_to(question), folder)
    finally:
        lifeline.wait_if_ending()
    return 0


def answer_to(question: Question) -> Answer:
    """What this environment answers."""
    session = Session(progress=Silent(), user_config=question.user_config)
    ask_hub = cache(lambda *wanted: tuple(hub_findings(*wanted)))  # experiments of a list often load the same model
    found = [_findings(config, question, session, ask_hub) for config in question.configs]
    return Answer(
        snapshot=take_snapshot(),
        backends=installed_backends(),
        problems=tuple(tuple((finding.problem, finding.fix) for finding in findings) for findings in found),
    )


def _findings(config: ExperimentConfig, question: Question, session: Session, ask_hub: AskHub) -> tuple[Finding, ...]:
    if question.with_torch:
        return findings_with_torch(config, session, meter_name=question.meter, ask_hub=ask_hub)
    return findings_without_torch(config, None, os.environ)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
