"""Saves a result as a folder.

```
{model}_{backend}_{timestamp}/
    result.json           everything but the time series
    timeseries.parquet    the time series, when there were sensors
```

A folder is written completely or not at all, and is never overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from llenergymeasure._files import complete_directory, write_atomic
from llenergymeasure.domain.files.serialise import to_json, to_parquet
from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.security import sanitise_name

RESULT_FILE = "result.json"
TIMESERIES_FILE = "timeseries.parquet"

Result = TypeVar("Result", bound=ResultData)


def as_saved(result: Result) -> Result:
    """The result as it is saved, with the name of its time-series file if it has a time series."""
    return result if result.timeseries is None else result.model_copy(update={"timeseries_file": TIMESERIES_FILE})


def save(result: ResultData, directory: Path, beside: Mapping[str, str] | None = None) -> Path:
    """Write the result to a new folder below `directory`; returns the path of its result.json.

    Args:
        result: the result.
        directory: parent directory; created when missing.
        beside: texts of further files in the folder, by file name.

    Raises:
        LLEMError: the directory cannot be written (ConfigError) or the disk is full.
    """
    with complete_directory(directory, folder_name(result)) as folder:
        if result.timeseries is not None:
            to_parquet(result, folder.path / TIMESERIES_FILE)
        for name, text in (beside or {}).items():
            write_atomic(folder.path / name, text)
        to_json(as_saved(result), folder.path / RESULT_FILE)
    return folder.final / RESULT_FILE


def folder_name(result: ResultData) -> str:
    """`{model}_{backend}_{timestamp}`, safe on every file system."""
    model = result.config.model.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]
    stamp = result.started_at[:19].replace(":", "-")
    return f"{sanitise_name(model)}_{sanitise_name(result.backend)}_{stamp}"
