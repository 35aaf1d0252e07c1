"""A window of a server from 10 s to 20 s whose numbers can be checked by hand.

```
          10                                      20
 A   s t t | t t                                  |        sent at 8.0, tokens at 9.0, 9.5, 10.5, 11.0
 B         |  s     t    t    t                   |        sent at 10.5, tokens at 11.5, 12.5, 13.5
 D         |       s    2x  failed                |        sent at 12.0, two tokens at 13.0, reset at 14.0
 C         |                             s   t t  | t t    sent at 18.0 (10 ms late), tokens at 19.0, 19.5, 20.5, 21.0
 E         |                                      | s t    sent at 20.2, token at 20.9
```
"""

from __future__ import annotations

from llenergymeasure import ExperimentConfig
from llenergymeasure.protocols import Window
from llenergymeasure.records import FailedRequest, RequestRecord, RunRecords, TrafficRecord

START_S, END_S = 10.0, 20.0


def answered(prompt, sent_s, *times_s, input_tokens=5, counts=(), due_s=None, **fields) -> RequestRecord:
    """A request with one token at each time, or as many as `counts` says."""
    counts = counts or tuple(range(1, len(times_s) + 1))
    known = {
        "output_tokens": counts[-1], "finished_s": times_s[-1], "first_token_s": times_s[0],
        "token_times_s": times_s, "token_counts": counts, "queued_s": sent_s if due_s is None else due_s,
    }  # fmt: skip
    return RequestRecord(prompt, input_tokens, scheduled_s=sent_s, **{**known, **fields})


def failed(
    prompt, sent_s, ended_s, kind="reset", times_s=(), counts=(), message="connection reset", **fields
) -> FailedRequest:
    return FailedRequest(prompt, sent_s, sent_s, ended_s, kind, message, None, times_s, counts, **fields)


A = answered(0, 8.0, 9.0, 9.5, 10.5, 11.0, input_tokens=3)
B = answered(1, 10.5, 11.5, 12.5, 13.5)
C = answered(2, 18.0, 19.0, 19.5, 20.5, 21.0, input_tokens=7, due_s=17.99)
D = failed(3, 12.0, 14.0, times_s=(13.0,), counts=(2,))
E = answered(0, 20.2, 20.9)


def run_of(requests, failures=(), others=(), start_s=START_S, end_s=END_S, **fields) -> RunRecords:
    """The records of one run; each request was due when it was queued."""
    moments = [(one.queued_s, one.scheduled_s) for one in requests] + [(one.due_s, one.sent_s) for one in failures]
    due_s, sent_s = zip(*sorted(moments)) if moments else ((), ())
    traffic = TrafficRecord(
        start_s, end_s, due_s, sent_s, failures=tuple(failures), others=tuple(others), client_cpu_s=1.0, **fields
    )
    return RunRecords(tuple(requests), traffic=traffic)


def traffic_window(*runs: RunRecords, start_s=START_S, end_s=END_S, ramp_up_s=2.0, **fields) -> Window:
    """The window of these runs; that of the picture without any."""
    config = ExperimentConfig(
        **{"model": "m", "backend": "server", "server": {"url": "http://x/v1"}, "max_output_tokens": 4, **fields}
    )
    runs = runs or (run_of((B, C), (D,), (A, E)),)
    return Window(start_s, end_s, 0.0, runs, config, engine=None, ramp_up_s=ramp_up_s, drain_s=1.0)
