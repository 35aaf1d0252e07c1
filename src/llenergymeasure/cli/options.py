"""The options of `llem run`. Typer reads them from the fields, so this file does without postponed annotations."""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, Optional

import typer

from llenergymeasure._format import printable
from llenergymeasure._numerals import decimal_number
from llenergymeasure.exceptions import ConfigError


def integer(text: str) -> int:
    """The number of an option, parsed as in a file: `010` is refused, and not read as 8 or 10."""
    value = decimal_number(text)
    if not isinstance(value, int):
        raise typer.BadParameter(f"'{printable(text)}' is not a whole number in decimal digits")
    return value


def directory(text: str) -> Path:
    """The path of an option. An empty one, such as that of an unset variable, would be the working directory."""
    if not text.strip():
        raise typer.BadParameter("'' is not a directory; write . for the working directory")
    return Path(text)


# The flag of each field that a flag sets.
FLAGS = {
    "model": "--model", "backend": "--backend", "dataset": "--dataset", "n": "--num-prompts",
    "pytorch.batch_size": "--batch-size", "precision": "--precision", "execution.n_cycles": "--cycles",
    "execution.cycle_order": "--order", "execution.shuffle_seed": "--seed",
}  # fmt: skip


# Options are neither compared nor printed; generating both methods for so many fields would take time at every start.
@dataclass(frozen=True, eq=False, repr=False)
class RunOptions:
    """Options of `llem run`; each has its help."""

    config: Annotated[
        Optional[Path],
        typer.Argument(help="YAML file; `sweep:` or `experiments:` at its top makes it a study.", show_default=False),
    ] = None
    folder: Annotated[
        Optional[Path], typer.Argument(help="With --resume: folder of the study to continue.", show_default=False)
    ] = None
    from_result: Annotated[
        Optional[Path],
        typer.Option(
            "--from-result", help="Repeat a stored result: its folder, or its result.json.", show_default=False
        ),
    ] = None
    model: Annotated[
        Optional[str],
        typer.Option("--model", "-m", help="Model of the hub, directory, GGUF file, or builtin/tiny-llama."),
    ] = None
    backend: Annotated[Optional[str], typer.Option("--backend", "-b", help="Inference backend.")] = None
    dataset: Annotated[Optional[str], typer.Option("--dataset", "-d", help="aienergyscore or a JSONL file.")] = None
    num_prompts: Annotated[
        Optional[int], typer.Option("--num-prompts", "-n", parser=integer, help="Number of prompts to measure.")
    ] = None
    batch_size: Annotated[Optional[int], typer.Option("--batch-size", parser=integer, help="Prompts per batch.")] = None
    precision: Annotated[Optional[str], typer.Option("--precision", "-p", help="fp32, fp16 or bf16.")] = None
    output: Annotated[
        Optional[Path],
        typer.Option("--output", "-o", parser=directory, help="Where result folders go. Default: results/."),
    ] = None
    assignments: Annotated[
        Optional[list[str]],
        typer.Option("--set", metavar="KEY=VALUE", help="Set any field by its dotted name; may be repeated."),
    ] = None
    sweeps: Annotated[
        Optional[list[str]],
        typer.Option("--sweep", metavar="KEY=V1,V2", help="Add an axis of a study; may be repeated."),
    ] = None
    cycles: Annotated[
        Optional[int],
        typer.Option(
            "--cycles", parser=integer, help="Number of cycles of a study; each cycle measures every cell once."
        ),
    ] = None
    order: Annotated[
        Optional[str], typer.Option("--order", help="Order of runs: shuffled, interleaved, sequential or grouped.")
    ] = None
    seed: Annotated[Optional[int], typer.Option("--seed", parser=integer, help="Seed of the order of a study.")] = None
    no_gaps: Annotated[
        bool, typer.Option("--no-gaps", help="Skip the fixed waits between the runs of a study; the cool-down remains.")
    ] = False
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest study of this design, or the study in FOLDER.")
    ] = False
    other_environment: Annotated[
        bool,
        typer.Option(
            "--allow-other-environment",
            help="Continue a study on another GPU, driver or version; its new runs form separate blocks.",
        ),
    ] = False
    executor: Annotated[
        Optional[str],
        typer.Option(
            "--executor",
            metavar="NAME",
            help="Hand the cycles of a study to workers: local, or a cluster (ray, slurm).",
        ),
    ] = None
    parallel: Annotated[
        Optional[int],
        typer.Option(
            "--parallel",
            metavar="N",
            parser=integer,
            help="Run N cycles of a study at the same time, each on its own GPUs.",
        ),
    ] = None
    gpus_per_run: Annotated[
        Optional[int],
        typer.Option(
            "--gpus-per-run",
            metavar="N",
            parser=integer,
            help="GPUs of a run with --executor or --parallel. Default: as the configurations need.",
        ),
    ] = None
    executor_options: Annotated[
        Optional[list[str]],
        typer.Option("--executor-option", metavar="KEY=VALUE", help="Set an option of the executor; may be repeated."),
    ] = None
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Submit the cycles of a study to a cluster and return; --resume collects them."),
    ] = False
    emit: Annotated[
        Optional[str],
        typer.Option(
            "--emit",
            metavar="sbatch",
            help="Print the script of a study for sbatch, and submit nothing; --resume collects it.",
        ),
    ] = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the configuration and estimate the memory; run nothing.")
    ] = False
    json: Annotated[bool, typer.Option("--json", help="Print only the result, as JSON on stdout.")] = False
    export_csv: Annotated[
        bool, typer.Option("--export-csv", help="Write result.csv beside result.json; a study always has runs.csv.")
    ] = False
    report: Annotated[
        bool, typer.Option("--report", help="Write report.html; for a study also figures and tables.")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress, notes or paths of results.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the traceback of an error.")] = False

    @property
    def fields(self) -> dict[str, Any]:
        """The values of the flags by the dotted names of their fields."""
        values = {name: getattr(self, flag.strip("-").replace("-", "_")) for name, flag in FLAGS.items()}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def executor_flags(self) -> tuple[str, ...]:
        """The options of the executor as they were given, for the command that continues the study."""
        named = {"--executor": self.executor, "--parallel": self.parallel, "--gpus-per-run": self.gpus_per_run}
        flags = [f"{flag} {value}" for flag, value in named.items() if value is not None]
        return (*flags, *(f"--executor-option {quote(text)}" for text in self.executor_options or ()))

    def check_single(self) -> None:
        """Check that no option of executors is given for a single experiment, which is measured in this process.

        Raises:
            ConfigError: there is one.
        """
        flags = {"--detach": self.detach, "--emit": self.emit is not None}
        given = (*self.executor_flags, *(flag for flag, is_given in flags.items() if is_given))
        if given:
            raise ConfigError(
                f"{' '.join(given)} has no effect on one experiment in one cycle", "add --cycles, or remove it"
            )

    def check(self) -> None:
        """Check that options go together.

        Raises:
            ConfigError: one of them has no effect.
        """
        if self.from_result is not None and (self.config is not None or self.resume):
            other = "--resume" if self.resume else f"'{self.config}'"
            raise ConfigError(
                f"--from-result repeats one result, and {other} names something else", "remove one of them"
            )
        if self.resume and not (self.config or self.model or self.sweeps):
            raise ConfigError("--resume needs the file or the folder of the study", "llem run --resume FOLDER")
        self._check_without_result()
        if self.dry_run and self.resume:
            raise ConfigError("--dry-run describes a new study, and --resume continues one", "remove one of them")
        if self.other_environment and not self.resume:
            raise ConfigError("--allow-other-environment has no effect without --resume", "add --resume, or remove it")
        if self.folder is not None and not self.resume:
            raise ConfigError(f"'{self.folder}' is a second argument", "write --resume before the folder to continue")

    def _check_without_result(self) -> None:
        """Check the options with which the command ends before there is a result."""
        others = {"--resume collects it later": self.resume} if self.emit is not None else {}
        others |= {"--json prints a result": self.json, "--report writes a report": self.report}
        given = [other for other, is_given in others.items() if is_given]
        if given and self.emit is not None:
            raise ConfigError(f"--emit prints the script of a new study, and {given[0]}", "remove one of them")
        if given and self.detach:
            raise ConfigError(f"--detach returns before there is a result, and {given[0]}", "remove one of them")
