"""Baselines to test with: an A100, one test, 10 J per token."""

from __future__ import annotations

from pytest_llem.baseline.entries import BaselineFile, Entry, Session, Work
from pytest_llem.baseline.fingerprint import Fingerprint
from pytest_llem.baseline.folder import Baselines
from pytest_llem.baseline.update import Measured

TEST = "tests/test_energy.py::test_decode"
HASH = "0123456789abcdef"
A100 = {
    "gpu": "NVIDIA A100-SXM4-80GB", "gpu_count": 1, "gpu_memory_gb": 85, "mig": False, "power_limit_w": 400,
    "meter": "nvml",
}  # fmt: skip
CONFIG = {"model": "builtin/tiny-llama", "n": 8, "pytorch": {"batch_size": 4}}
WORK = Work(prompts=8, input_tokens=512, output_tokens=1024, flops=978_944_000)


def machine(soft=None, **hard):
    return Fingerprint({**A100, **hard}, soft or {"driver": "560.35", "torch": "2.6.0"})


def a_session(joules=10.0, date="2026-11-01T12:00:00Z", method="counter", dirty=False, repeats=3):
    samples = {"energy_per_output_token": (joules,) * repeats, "output_tokens": (1024,) * repeats}
    return Session(date, "abc1234", dirty, method, {"driver": "560.35", "torch": "2.6.0"}, samples)


def an_entry(*sessions, config=CONFIG, work=WORK):
    return Entry(config, work, sessions or (a_session(),))


def a_file(entries=None, simulated=False, **hard):
    return BaselineFile({**A100, **hard}, simulated, entries or {TEST: {HASH: an_entry()}})


def measured(*sessions, test_id=TEST, config=CONFIG, config_hash=HASH, work=WORK, problems=()):
    return Measured(test_id, config, config_hash, work, sessions or (a_session(11.0),), problems)


def a_folder(folder, *files):
    baselines = Baselines(folder, {})
    for file in files:
        baselines = baselines.with_file(file)
    return baselines
