"""An experiment in Python with its own assertions, and the energy of any code."""

import pytest

DECODE = {
    "model": "builtin/tiny-llama",
    "precision": "fp32",
    "n": 2,
    "max_input_tokens": 16,
    "max_output_tokens": 8,
    "min_output_tokens": 8,
    "warmup": {"n_warmup": 1, "thermal_floor_seconds": 0},
    "baseline": {"enabled": False},
}


@pytest.mark.llem(config=DECODE)
def test_decode(llm_experiment):
    run = llm_experiment()
    run.assert_below("output_tokens", 17)
    run.assert_no_regression()
    assert run.result.measurement_methodology == "steady_state"


def test_any_code(energy_meter):
    with energy_meter.window("sum", output_tokens=10) as window:
        assert sum(range(1000)) == 499_500
    assert window.energy_per_output_token is None or window.energy_per_output_token < 1
