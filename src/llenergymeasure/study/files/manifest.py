"""The frozen run table of a study, as a file. It is written before the first run, and extended when cycles are added."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from llenergymeasure._files import write_atomic
from llenergymeasure._json import read_bytes, read_json, with_checksum, without_checksum
from llenergymeasure.domain.base import Frozen, json_of
from llenergymeasure.domain.files.study import MANIFEST_FILE, RESTORE, read_frozen
from llenergymeasure.domain.study.design import Protocol
from llenergymeasure.domain.study.runs import PlannedRun

# 1.0  first version
MANIFEST_VERSION = "1.0"


class StudyEnvironment(Frozen):
    """What must be the same for all runs of a block: GPUs, driver and versions of libraries.

    Attributes:
        facts: values by name for people.
        gpu_models: names of the GPUs without their UUIDs; empty without a GPU.
    """

    facts: dict[str, str]
    gpu_models: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """8 hex digits over the facts."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:8]


class Manifest(Frozen):
    """The run table, with what a later process needs to continue it.

    Attributes:
        schema_version: version of this schema.
        study_id: name of the study's folder.
        design_hash: hash of the design.
        prompts: SHA-256 of each file of prompts, by its path.
        started_at: UTC time in ISO format.
        protocol: how the runs are made.
        earlier_protocols: how runs were made before the study was continued with other settings.
        runs: the runs in their order.
        environments: where runs were made; the first is that of the first run.
        temperatures_c: temperature of each GPU in C when the study first ran on it, by UUID.
    """

    schema_version: Literal["1.0"] = "1.0"
    study_id: str
    design_hash: str
    prompts: dict[str, str] = {}
    started_at: str
    protocol: Protocol
    earlier_protocols: tuple[Protocol, ...] = ()
    runs: tuple[PlannedRun, ...]
    environments: tuple[StudyEnvironment, ...] = ()
    temperatures_c: dict[str, float] = {}


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest; replaces an earlier one.

    Raises:
        LLEMError: the folder cannot be written (ConfigError) or the disk is full.
    """
    write_atomic(folder / MANIFEST_FILE, with_checksum(json_of(manifest)) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a study's folder.

    Raises:
        ConfigError: it is missing or damaged, or of another version.
    """
    fix = f"name the folder of a study; if this is one, {RESTORE}, or start the study again without --resume"
    return read_frozen(folder / MANIFEST_FILE, Manifest, MANIFEST_VERSION, fix, _read)


def _read(path: Path) -> Any:
    return read_json(without_checksum(read_bytes(path).rstrip(b"\n")))
