"""Whether a path is on a disk of this machine alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from llenergymeasure.study.executors.slurm.disks import local_file_system

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /tmp tmpfs rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local\\040disk xfs rw 0 0
proc /proc proc rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/results", "ext4"), ("/tmp/x", "tmpfs"), ("/home/me/results", None), ("/home/local disk/x", "xfs"),
        ("/homeless", "ext4"),
    ],
)  # fmt: skip
def test_the_file_system_of_the_longest_mount_counts(path, kind, tmp_path):
    file = tmp_path / "mounts"
    file.write_text(MOUNTS)
    assert local_file_system(Path(path), file) == kind


def test_without_a_list_of_mounts_it_is_not_known(tmp_path):
    assert local_file_system(Path("/srv"), tmp_path / "missing") is None
