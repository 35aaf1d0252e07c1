"""What is installed is named with its versions, and nothing of it is imported."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

from llenergymeasure._api.installed import backend_versions, meter_versions


def test_what_is_installed_has_the_versions_of_its_packages():
    assert meter_versions()["nvml"] == {"nvidia-ml-py": metadata.version("nvidia-ml-py")}


def test_a_backend_of_which_a_package_is_missing_is_not_installed():
    assert "tensorrt" not in backend_versions()


def test_nothing_heavy_is_imported_for_it():
    program = (
        "import sys; from llenergymeasure._api import installed; installed.backend_versions(); installed.meter_versions()\n"
        "print([name for name in ('torch', 'pydantic', 'pynvml', 'zeus', 'codecarbon', 'yaml') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"
