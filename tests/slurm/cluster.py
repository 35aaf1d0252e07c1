"""A cluster of one node on loopback: munged, slurmctld and slurmd of this machine's packages, in a folder of its own.

A process of its own (`python cluster.py FOLDER`) ends everything that is left of it, also when the tests are killed.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.study.executors.slurm.programs import Answer
from ports import free_ports
from waiting import until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "scontrol")
SBIN = "/usr/sbin"
NODE = "node1"
PARTITION = "main"
GPUS = 2
ROUNDS = 3  # a process that is being killed may start another one
CPUS = 8  # more than the machine has: elements of an array run at the same time


def why_not() -> str | None:
    """Why the cluster cannot be started here; None when it can."""
    if os.geteuid() != 0:
        return "needs root, to start the daemons of Slurm"
    missing = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    return f"needs Slurm ({', '.join(missing)}); on Debian: make slurm" if missing else None


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:{SBIN}"


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Attributes:
        folder: its files.
        environ: the environment in which Slurm's programs find it.
    """

    folder: Path
    environ: Mapping[str, str]

    def run(self, *command: str, check: bool = True) -> str:
        """The output of one of Slurm's programs."""
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{command}: {done.stderr}"
        return done.stdout

    def answer(self, command: Sequence[str]) -> Answer:
        """What one of Slurm's programs answers to the executor."""
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def jobs(self) -> list[str]:
        """The elements that wait or run, such as `7_2 RUNNING`."""
        return self.run("squeue", "--array", "--noheader", "--format=%F_%K %T").splitlines()

    def states(self) -> dict[str, str]:
        """The state of every element that the controller knows, by its handle."""
        lines = self.run("squeue", "--array", "--noheader", "--states=all", "--format=%F_%K %T").splitlines()
        return dict(line.split() for line in lines)


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """The cluster, until the block ends; then no process of it is left."""
    _write(folder)
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH", "SQUEUE", "SINFO"))
    } | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _path()}
    daemons: list[subprocess.Popen[bytes]] = []
    guard = _guard(folder)
    try:
        for command in _commands(folder):
            daemons.append(_started(command, environ, folder))
            if command[0] == "munged":
                assert until((folder / "munge.socket").exists), _log(folder, "munged")
        cluster = Cluster(folder, environ)
        assert until(lambda: "idle" in cluster.run("sinfo", "--noheader", "--format=%t", check=False), 60), _logs(
            folder
        )
        yield cluster
        cluster.run("scancel", "--full", "--signal=KILL", f"--partition={PARTITION}", check=False)
        until(lambda: not cluster.run("squeue", "--noheader", check=False).strip(), 20)
    finally:
        for daemon in reversed(daemons):
            _end(daemon)
        guard.communicate(timeout=30)


def _write(folder: Path) -> None:
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    for number in range(GPUS):  # Slurm wants devices, and does nothing with them; each is another /dev/null
        os.mknod(folder / f"nvidia{number}", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    (folder / "gres.conf").write_text(f"NodeName={NODE} Name=gpu File={folder}/nvidia[0-{GPUS - 1}]\n")
    (folder / "slurm.conf").write_text(_configuration(folder, *free_ports(2)))


def _configuration(folder: Path, controller_port: int, node_port: int) -> str:
    host = platform.node()
    # MinJobAge: tests ask for jobs that have ended, which the controller would forget after five minutes.
    return f"""\
ClusterName=llem
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
JobRequeue=1
KillWait=30
MessageTimeout=60
MinJobAge=86400
GresTypes=gpu
NodeName={NODE} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={CPUS} RealMemory=8000 Gres=gpu:{GPUS} State=UNKNOWN
PartitionName={PARTITION} Nodes={NODE} Default=YES MaxTime=INFINITE State=UP
"""


def _commands(folder: Path) -> Iterator[Sequence[str]]:
    yield (
        "munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={folder}/munge.key",
        f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munged.seed", "--num-threads=2",
    )  # fmt: skip
    yield "slurmctld", "-D", "-f", f"{folder}/slurm.conf"
    yield "slurmd", "-D", "-N", NODE, "-f", f"{folder}/slurm.conf"


def _started(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    program = shutil.which(command[0], path=environ["PATH"])
    assert program is not None
    with (folder / f"{command[0]}.log").open("wb") as log:
        return subprocess.Popen(
            [program, *command[1:]], env=dict(environ), cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait(10)


def processes_of(folder: Path) -> dict[int, str]:
    """The processes with the folder of a cluster in their environment or arguments, without this one."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal() and int(place.name) != os.getpid():
            with suppress(OSError):
                arguments = (place / "cmdline").read_bytes()
                if os.fsencode(folder) in arguments + (place / "environ").read_bytes():
                    found[int(place.name)] = arguments.replace(b"\0", b" ").decode(errors="replace")
    return found


def _guard(folder: Path) -> subprocess.Popen[bytes]:
    """Ends what is left of the cluster when its input ends: with this process, or at the end of the block."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, __file__, str(folder)]
    return subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, start_new_session=True)


def end_processes_of(folder: Path) -> None:
    """End the daemons, and the steps that slurmd started, which have left its group."""
    for _ in range(ROUNDS):
        for pid in processes_of(folder):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _log(folder: Path, name: str) -> str:
    return (folder / f"{name}.log").read_text(errors="replace")[-3000:]


def _logs(folder: Path) -> str:
    return "\n".join(_log(folder, name) for name in ("munged", "slurmctld", "slurmd"))


if __name__ == "__main__":
    sys.stdin.read()
    end_processes_of(Path(sys.argv[1]))
