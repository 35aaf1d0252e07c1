"""The types of warnings and publication rules. Text is made from them for output only, and is never parsed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, get_args

from pydantic import Field, computed_field

from llenergymeasure.domain.base import Derived, Frozen

WarningCode = Literal[
    "short_measurement_duration", "low_prompt_count", "energy_unavailable", "energy_estimated", "energy_simulated",
    "nvml_low_sample_count", "meter_problem", "energy_crosscheck_failed", "no_baseline", "baseline_problem",
    "negative_adjusted_energy", "warmup_off", "warmup_not_converged", "thermal_floor_off", "random_weights", "unexpected_weights",
    "cpu_inference", "decoder_setting_unused", "no_output", "early_end", "prompts_truncated", "busy_machine", "cpu_steal",
    "cpu_shared", "gpu_not_metered",
    "idle_gpus_metered", "gpu_persistence_mode_off", "ecc_disabled", "mig_parent_power", "thermal_drift_detected",
    "throttling_detected", "foreign_process", "sampling_gap",
    "sensor_may_alias", "parameters_disagree", "double_bos", "model_generation_defaults", "positions_beyond_model",
    "compiled_in_window", "compile_without_effect", "requests_preempted", "setting_not_applied",
    # of a server under traffic
    "client_lagging", "client_busy", "requests_failed", "tokens_counted_here", "tokens_not_counted",
    "fewer_tokens_than_events", "outputs_beyond_limit", "traffic_not_steady", "events_dropped",
    "fewer_requests_than_in_flight", "prompts_cached", "server_gpus_not_metered", "server_uses_no_gpu",
    "served_model_differs",
    # of several processes
    "device_counted_once", "processes_not_side_by_side", "processes_barely_overlap", "samples_left_out",
    # of a study
    "order_not_shuffled", "single_cycle", "cells_missing", "reference_missing", "unequal_work", "methods_disagree",
    "outlying_runs", "unequal_spread", "runs_left_out", "control_drift", "uncertain_readings", "not_cooled_down",
    "protocol_changed", "neighbours", "late_results",
]  # fmt: skip
CODES: tuple[str, ...] = get_args(WarningCode)


class MeasurementWarning(Frozen):
    """One reason to read a result with care."""

    code: str = Field(
        "", description="Kind of the warning; empty in a file of release 2.0.0, where the sentence begins with it."
    )
    values: dict[str, int | float] = Field({}, description="The numbers of the sentence, by name.")
    sentence: str = Field(description="The finding, with its numbers.")
    remedy: str = Field("", description="What to do; empty where the sentence states it.")

    def __str__(self) -> str:
        text = f"{self.code}: {self.sentence}" if self.code else self.sentence
        return f"{text}; {self.remedy}" if self.remedy else text

    def of_rank(self, rank: int) -> MeasurementWarning:
        """The same warning, marked with the rank of its process."""
        return self.model_copy(
            update={"values": {**self.values, "rank": rank}, "sentence": f"rank {rank}: {self.sentence}"}
        )


def warning(code: WarningCode, sentence: str, remedy: str = "", **values: float | None) -> MeasurementWarning:
    """A warning with a code of the table; numbers that are None are left out."""
    known = {name: value for name, value in values.items() if value is not None}
    return MeasurementWarning(code=code, values=known, sentence=sentence, remedy=remedy)


def warnings_of_texts(texts: Sequence[str]) -> tuple[dict[str, str], ...]:
    """Warnings as release 2.0.0 wrote them, with their text only."""
    return tuple({"sentence": text} for text in texts)


# not_observed: it applies, and nothing shows whether it is kept. not_applicable: it says nothing about this run.
RuleState = Literal["kept", "failed", "not_observed", "not_applicable"]


class RuleOutcome(Frozen):
    """The outcome of one publication rule for a result."""

    rule: str = Field(
        "", description="Name of the rule; empty in a file of release 2.0.0, where `found` begins with it."
    )
    state: RuleState
    value: int | float | None = Field(None, description="The number that the rule checks; None without one.")
    found: str = Field("", description="The finding as text; empty in a file of release 2.0.0 when kept.")

    def __str__(self) -> str:
        return f"{self.rule}: {self.found}" if self.rule else self.found


class PublicationCheck(Derived):
    """The outcomes of all publication rules. They are informational: no behaviour depends on them."""

    # Earlier versions listed in `failed` what was not observed, too.
    derived_sentences: ClassVar[frozenset[str]] = frozenset({"failed"})

    rules: tuple[RuleOutcome, ...] = Field(description="Every rule, in the order of the table.")

    @computed_field(description="Names of the rules that are kept.")  # type: ignore[prop-decorator]
    @property
    def passed(self) -> tuple[str, ...]:
        return tuple(each.rule for each in self.of("kept"))

    @computed_field(description="`rule: finding` of each that is not kept.")  # type: ignore[prop-decorator]
    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(map(str, self.of("failed")))

    @computed_field(description="`rule: finding` of each that was not observed; it is not shown to be kept.")  # type: ignore[prop-decorator]
    @property
    def not_observed(self) -> tuple[str, ...]:
        return tuple(map(str, self.of("not_observed")))

    @computed_field(  # type: ignore[prop-decorator]
        description="`rule: reason` of each that does not apply, such as a rule about GPUs to a run on the CPU."
    )
    @property
    def not_applicable(self) -> tuple[str, ...]:
        return tuple(map(str, self.of("not_applicable")))

    def of(self, state: RuleState) -> tuple[RuleOutcome, ...]:
        """The rules with one state."""
        return tuple(each for each in self.rules if each.state == state)

    @property
    def applicable(self) -> int:
        """How many rules apply."""
        return len(self.rules) - len(self.of("not_applicable"))

    @classmethod
    def _with_new_fields(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Add rules to data of release 2.0.0, which wrote `passed` and `failed` only."""
        passed, failed = data.get("passed"), data.get("failed")
        if "rules" in data or not isinstance(passed, (list, tuple)) or not isinstance(failed, (list, tuple)):
            return data
        kept = [{"rule": name, "state": "kept"} for name in passed]
        return {**data, "rules": [*kept, *({"state": "failed", "found": text} for text in failed)]}
