"""Whether a path is on a disk of this machine alone, as far as its file system shows."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
# File systems of one machine. Others, such as nfs, lustre, gpfs and ceph, are shared.
LOCAL = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "tmpfs", "ramfs"})
OCTAL = re.compile(r"\\([0-7]{3})")


def local_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The file system of a path, when it is one of this machine alone; None when it is shared, or not known."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    target, mount, kind = path.resolve(), Path("/"), ""
    for line in lines:
        _, place, kind_there, *_ = (*line.split(" "), "", "", "")
        there = Path(OCTAL.sub(lambda match: chr(int(match[1], 8)), place))
        if place and target.is_relative_to(there) and len(there.parts) >= len(mount.parts):
            mount, kind = there, kind_there
    return kind if kind in LOCAL else None
