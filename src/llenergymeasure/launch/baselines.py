"""Passes idle baselines between processes, so that each is measured only once."""

from __future__ import annotations

from collections.abc import Iterable

from llenergymeasure.launch.request import KnownBaseline, Request
from llenergymeasure.orchestration.orchestrator import Session


def known_baselines(session: Session) -> tuple[KnownBaseline, ...]:
    """The idle baselines of a session, with their ages."""
    known = session.baselines.known(session.clock.now())
    return tuple(KnownBaseline(key=key, age_s=age_s, baseline=baseline) for key, age_s, baseline in known)


def fresh_baselines(session: Session, request: Request) -> tuple[KnownBaseline, ...]:
    """The idle baselines that a session has measured itself: those that were not in its request."""
    given = [known.baseline for known in request.baselines]
    return tuple(known for known in known_baselines(session) if known.baseline not in given)


def take_over(session: Session, baselines: Iterable[KnownBaseline]) -> None:
    """Keep the idle baselines of another process in a session."""
    for known in baselines:
        session.baselines.put(known.key, session.clock.now() - known.age_s, known.baseline)
