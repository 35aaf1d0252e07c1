"""Compare three batch sizes of the built-in model in two cycles. This runs offline in about a minute and writes no files.

Question: How do I compare configurations from Python?
Time: a minute on two cores.
Needs: nothing: no GPU, no network.

python examples/library.py
"""

from llenergymeasure import ExperimentConfig, StudyConfig, run_study

QUICK = {"baseline": {"duration_seconds": 1}, "warmup": {"n_warmup": 1, "thermal_floor_seconds": 0}}

study = run_study(
    StudyConfig(
        experiments=[
            ExperimentConfig(
                model="builtin/tiny-llama", n=8, max_input_tokens=128, max_output_tokens=32, min_output_tokens=32,
                pytorch={"batch_size": batch_size}, **QUICK,
            )
            for batch_size in (1, 4, 8)
        ],
        execution={"n_cycles": 2, "experiment_gap_seconds": 0, "cycle_gap_seconds": 0},
    )
)  # fmt: skip

print(study.summary())
for result in study.results:
    energy = result.energy_per_output_token
    joules = "not measured" if energy is None else f"{energy:.3g} J/token ({result.energy_method})"
    print(f"batch {result.model_info.batch_size}: {result.tokens_per_second:.3g} tokens/s, {joules}")
