"""A container gets the GPUs that CUDA_VISIBLE_DEVICES shows."""

from __future__ import annotations

import pytest

from llenergymeasure.launch.runners.container.gpus import gpu_options, gpus_shown, has_gpus

ONE, TWO = "GPU-8c1a9c60-1111-2222-3333-444455556666", "GPU-8c1a9c60-1111-2222-3333-444455557777"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ("all",)),
        ("", ()),
        ("-1", ()),
        ("0,1", ("all",)),
        (ONE, (ONE,)),
        (f"{ONE}, {TWO}", (ONE, TWO)),
        ("GPU-8c1a", ("all",)),
        (f"MIG{ONE[3:]}", (f"MIG{ONE[3:]}",)),
    ],
)
def test_whole_uuids_are_given_and_numbers_choose_among_all(text, shown):
    assert gpus_shown({} if text is None else {"CUDA_VISIBLE_DEVICES": text}) == shown


def test_docker_and_podman_have_options_of_their_own():
    assert gpu_options("docker", ("all",)) == ("--gpus", "all")
    assert gpu_options("docker", (ONE, TWO)) == ("--gpus", f'"device={ONE},{TWO}"')
    assert gpu_options("podman", (ONE, TWO)) == (
        "--device",
        f"nvidia.com/gpu={ONE}",
        "--device",
        f"nvidia.com/gpu={TWO}",
    )
    assert gpu_options("docker", ()) == gpu_options("podman", ()) == ()


def test_a_machine_has_gpus_where_the_driver_has_its_device(tmp_path):
    assert not has_gpus(tmp_path)
    (tmp_path / "nvidiactl").touch()
    assert has_gpus(tmp_path)
