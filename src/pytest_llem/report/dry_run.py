"""The plan that a dry run prints: each experiment, its limits and its baseline. It loads no model and no meter."""

from __future__ import annotations

from pytest_llem.baseline.folder import Baselines
from pytest_llem.marker import Plan


def planned(plan: Plan, baselines: Baselines, folder: str) -> str:
    """The plan of one test in one line; `folder` names the folder of the baselines."""
    config = plan.config
    limits = ", ".join(f"{limit.metric} {limit.text}" for limit in plan.limits) if plan.gate else "none"
    if config is None:
        return f"{plan.test_id}: configuration given by the test; {plan.repeats} repeats; gates: {limits or 'none'}"
    files = [
        path.name
        for path, file in sorted(baselines.files.items())
        if file.entry(plan.test_id, config.config_hash) is not None
    ]
    held = f"baseline in {', '.join(files)}" if files else f"no baseline in {folder}"
    return (
        f"{plan.test_id}: {config.model} n={config.n}, {plan.repeats} repeats, config {config.config_hash}; "
        f"gates: {limits or 'none'}; {held}"
    )
