"""Which machines are the same."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from a_result import a_result
from pytest_llem.baseline.fingerprint import class_name, fingerprint_of, identity


def a_gpu(**changes):
    facts = {"name": "NVIDIA A100-SXM4-80GB", "vram_mb": 85_198.0, "power_limit_w": 400.0, "mig_enabled": False}
    return SimpleNamespace(**{**facts, **changes})


def a_machine(*gpus):
    return SimpleNamespace(
        cpu_model="AMD EPYC 7763", cpu_count_logical=64, python="3.11.7", driver_version="560.35",
        packages={"torch": "2.6.0", "numpy": "2.1"}, gpus=gpus,
    )  # fmt: skip


def test_a_gpu_machine_is_its_gpus_limits_and_meter():
    assert fingerprint_of(a_machine(a_gpu(), a_gpu()), "nvml").hard == {
        "gpu": "NVIDIA A100-SXM4-80GB", "gpu_count": 2, "gpu_memory_gb": 85, "mig": False, "power_limit_w": 400,
        "meter": "nvml",
    }  # fmt: skip


def test_a_machine_without_a_gpu_is_its_cpu():
    assert fingerprint_of(a_machine(), "none").hard == {"cpu": "AMD EPYC 7763", "cpu_count": 64, "meter": "none"}


def test_software_and_the_cpu_beside_a_gpu_are_soft():
    assert fingerprint_of(a_machine(a_gpu()), "nvml").soft == {
        "driver": "560.35", "python": "3.11.7", "torch": "2.6.0", "transformers": None, "cpu": "AMD EPYC 7763",
        "cpu_count": 64,
    }  # fmt: skip


def test_different_gpus_are_all_named():
    hard = fingerprint_of(a_machine(a_gpu(), a_gpu(name="NVIDIA L4", power_limit_w=None)), "nvml").hard
    assert (hard["gpu"], hard["power_limit_w"], hard["mig"]) == (
        "NVIDIA A100-SXM4-80GB + NVIDIA L4",
        "400 + None",
        False,
    )


def test_a_real_snapshot_has_every_fact():
    found = fingerprint_of(a_result().environment_snapshot, "nvml")
    assert set(found.hard) == {"cpu", "cpu_count", "meter"}
    json.dumps([found.hard, found.soft])


def test_a_memory_of_some_megabytes_less_is_the_same_machine_and_a_lower_limit_is_not():
    here = fingerprint_of(a_machine(a_gpu()), "nvml").hard
    assert identity(fingerprint_of(a_machine(a_gpu(vram_mb=85_170.0)), "nvml").hard) == identity(here)
    assert identity(fingerprint_of(a_machine(a_gpu(power_limit_w=300.0)), "nvml").hard) != identity(here)
    assert identity(fingerprint_of(a_machine(a_gpu()), "zeus").hard) != identity(here)


def test_the_identity_does_not_depend_on_the_order_of_its_facts():
    assert identity({"gpu": "A", "meter": "nvml"}) == identity({"meter": "nvml", "gpu": "A"})


@pytest.mark.parametrize(
    ("hard", "slug"),
    [
        ({"gpu": "NVIDIA A100-SXM4-80GB", "gpu_count": 2}, "2x-nvidia-a100-sxm4-80gb"),
        ({"cpu": "AMD EPYC 7763", "cpu_count": 64}, "cpu-amd-epyc-7763-64"),
        ({"gpu": "../../etc/passwd\0", "gpu_count": 1}, "1x-etc-passwd"),
        ({"gpu": "é" * 300, "gpu_count": 1}, "1x-" + "e" * 77),
        ({"cpu": None, "cpu_count": None}, "cpu-none-none"),
    ],
)
def test_the_file_name_is_readable_and_ends_in_the_identity(hard, slug):
    assert class_name(hard) == f"{slug}-{identity(hard)}"


@pytest.mark.parametrize("name", ["x" * 10_000, "画像処理" * 100, "", "\udc80", "CON", "a/b\\c:d"])
def test_no_gpu_name_makes_a_file_name_too_long_or_unsafe(name):
    found = class_name({"gpu": name, "gpu_count": 1})
    assert 0 < len(f"{found}.json".encode("ascii")) <= 255
    assert not set(found) & set("/\\:\0 .")
