"""A failure as data, and the failure again."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.exceptions import (
    BackendError,
    ConfigError,
    ExperimentError,
    Finding,
    LLEMError,
    MeterError,
    PreFlightError,
    ProcessGroupError,
    SensorFault,
    Unanswered,
)
from llenergymeasure.launch.failure import Failure, error_of, failure_of, first_cause

CONFIG = ExperimentConfig(model="builtin/tiny-llama")


@pytest.mark.parametrize(
    "error",
    [
        BackendError("out of memory; lower pytorch.batch_size"),
        ConfigError("no such file", "name one"),
        MeterError("nothing came"),
        SensorFault("the GPU is lost"),
        Unanswered("all 8 requests failed: timeout: 8"),
        LLEMError("the disk is full"),
        PreFlightError([Finding("no GPU", "buy one"), Finding("no torch", "install it")]),
    ],
)
def test_an_error_is_the_same_error_on_the_other_side(error):
    sent = Failure.model_validate_json(failure_of(error).model_dump_json())
    again = error_of(sent)
    assert (type(again), str(again)) == (type(error), str(error))


def test_of_an_experiment_s_failure_the_cause_travels():
    assert failure_of(ExperimentError(CONFIG, BackendError("on fire"))).message == "on fire"


def test_findings_stay_findings():
    findings = [Finding("no GPU", "buy one")]
    assert error_of(failure_of(PreFlightError(findings))).findings == tuple(findings)


def test_a_fault_of_our_own_is_named_as_one():
    failure = failure_of(ZeroDivisionError("division by zero"))
    assert (failure.kind, failure.message) == (
        "ZeroDivisionError",
        "internal error: ZeroDivisionError: division by zero",
    )
    assert type(error_of(failure)) is LLEMError


def test_the_cause_is_reported_and_not_its_echo_in_the_other_processes():
    echo = failure_of(ExperimentError(CONFIG, ProcessGroupError("connection closed")))
    cause = failure_of(ExperimentError(CONFIG, BackendError("out of memory")))
    assert first_cause({0: echo, 2: cause, 3: echo}) == (2, cause)
    assert first_cause({0: echo}) is None
