"""A folder as Linux shows processes in /proc: their names, the ports that they listen on, and their children."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LISTENS, IS_CONNECTED = "0A", "01"


def fake_proc(folder: Path) -> Path:
    """A folder without processes."""
    (folder / "net").mkdir()
    for table in ("tcp", "tcp6"):
        (folder / "net" / table).write_text(HEAD)
    return folder


def add_process(
    proc: Path, pid: int, name: str, port: int | None = None, children: Sequence[int] = (), state: str = LISTENS,
    table: str = "tcp",
) -> None:  # fmt: skip
    """Add a process, with a socket at a port."""
    (proc / f"{pid}" / "fd").mkdir(parents=True)
    (proc / f"{pid}" / "comm").write_text(f"{name}\n")
    task = proc / f"{pid}" / "task" / f"{pid}"
    task.mkdir(parents=True)
    (task / "children").write_text(" ".join(map(str, children)))
    if port is not None:
        (proc / f"{pid}" / "fd" / "3").symlink_to(f"socket:[{500 + pid}]")
        between = "00000000:00000000 00:00000000 00000000  1000 0"
        with (proc / "net" / table).open("a") as sockets:
            sockets.write(f"   0: 0100007F:{port:04X} 00000000:0000 {state} {between} {500 + pid} 1 0 0\n")
