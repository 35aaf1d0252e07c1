"""`llem`: options and exit codes. The only module that imports typer; commands are imported when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from llenergymeasure._numerals import decimal_number
from llenergymeasure.cli.commands.resume import check_resume
from llenergymeasure.cli.outcome import exit_code_of

app = typer.Typer(
    name="llem",
    help="Measure the energy, throughput, latency and FLOPs of LLM inference.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of `llem`."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from llenergymeasure.cli.commands.version import lines  # noqa: PLC0415 - only for this option

        typer.echo("\n".join(lines()))
        raise typer.Exit


def integer(text: str) -> int:
    """The number of an option, parsed as in a file: `010` is refused, and not read as 8 or 10."""
    value = decimal_number(text)
    if not isinstance(value, int):
        raise typer.BadParameter(f"'{text}' is not a whole number in decimal digits")
    return value


def directory(text: str) -> Path:
    """The path of an option. An empty one, such as that of an unset variable, would be the working directory."""
    if not text.strip():
        raise typer.BadParameter("'' is no directory; write . for the working directory")
    return Path(text)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Versions and what is installed.")
    ] = False,
) -> None:
    """Measure the energy, throughput, latency and FLOPs of LLM inference."""


@app.command("run")
def _run(
    config: Annotated[
        Optional[Path],
        typer.Argument(help="YAML file; `sweep:` or `experiments:` at its top makes it a study.", show_default=False),
    ] = None,
    folder: Annotated[
        Optional[Path], typer.Argument(help="With --resume: folder of the study to continue.", show_default=False)
    ] = None,
    model: Annotated[
        Optional[str], typer.Option("--model", "-m", help="Model id, directory, or builtin/tiny-llama.")
    ] = None,
    backend: Annotated[Optional[str], typer.Option("--backend", "-b", help="Inference backend.")] = None,
    dataset: Annotated[Optional[str], typer.Option("--dataset", "-d", help="aienergyscore or a JSONL file.")] = None,
    n: Annotated[Optional[int], typer.Option("-n", parser=integer, help="Prompts to measure.")] = None,
    batch_size: Annotated[
        Optional[int],
        typer.Option("--batch-size", parser=integer, help="Prompts per batch."),
    ] = None,
    precision: Annotated[Optional[str], typer.Option("--precision", "-p", help="fp32, fp16 or bf16.")] = None,
    output: Annotated[
        Optional[Path],
        typer.Option("--output", "-o", parser=directory, help="Where result folders go. Default: results/."),
    ] = None,
    set_: Annotated[
        Optional[list[str]],
        typer.Option("--set", metavar="KEY=VALUE", help="Any field by its dotted name; may be repeated."),
    ] = None,
    sweep: Annotated[
        Optional[list[str]],
        typer.Option("--sweep", metavar="KEY=V1,V2", help="An axis of a study; may be repeated."),
    ] = None,
    cycles: Annotated[
        Optional[int],
        typer.Option("--cycles", parser=integer, help="Cycles of a study; each measures every cell once."),
    ] = None,
    order: Annotated[
        Optional[str], typer.Option("--order", help="Order of runs: shuffled, interleaved, sequential or grouped.")
    ] = None,
    seed: Annotated[Optional[int], typer.Option("--seed", parser=integer, help="Seed of the order of a study.")] = None,
    no_gaps: Annotated[
        bool, typer.Option("--no-gaps", help="No fixed gaps between the runs of a study; the cool-down stays.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest study of this design, or that in FOLDER.")
    ] = False,
    allow_other_environment: Annotated[
        bool,
        typer.Option(
            "--allow-other-environment",
            help="Continue a study on another GPU, driver or version; its new runs are blocks of their own.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Validate, resolve, estimate memory; run nothing.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout, and nothing else.")] = False,
    export_csv: Annotated[
        bool, typer.Option("--export-csv", help="Write result.csv beside result.json; a study always has runs.csv.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write report.html; of a study, figures and tables too.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, notes or paths of results.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks of errors.")] = False,
) -> None:
    """Measure one experiment, or run a study."""
    flags: dict[str, Any] = {
        "model": model, "backend": backend, "dataset": dataset, "n": n, "pytorch.batch_size": batch_size,
        "precision": precision, "execution.n_cycles": cycles, "execution.cycle_order": order,
        "execution.shuffle_seed": seed,
    }  # fmt: skip
    given = {name: value for name, value in flags.items() if value is not None}

    def command() -> int:
        check_resume(resume=resume, folder=folder, other_environment=allow_other_environment, dry_run=dry_run)
        if dry_run:
            from llenergymeasure.cli.commands import dry_run as planning  # noqa: PLC0415 - what a run needs takes longer

            return planning.command(
                config,
                given,
                set_ or [],
                output=output,
                report=report,
                sweeps=sweep or [],
                gaps=not no_gaps,
                json=json_,
            )
        from llenergymeasure.cli.commands import run  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        options = run.RunOptions(
            output=output, json=json_, export_csv=export_csv, report=report, quiet=quiet, sweeps=sweep or [],
            resume=resume, folder=folder, gaps=not no_gaps, other_environment=allow_other_environment,
        )  # fmt: skip
        return run.command(config, given, set_ or [], options)

    raise typer.Exit(exit_code_of(command, tracebacks=verbose))


@app.command("config")
def _config(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every package and every setting.")] = False,
) -> None:
    """Show GPUs, backends, meters and settings of this machine. Writes nothing."""

    def command() -> int:
        from llenergymeasure.cli.commands import config  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        return config.command(verbose=verbose)

    raise typer.Exit(exit_code_of(command, tracebacks=verbose))


@app.command("report")
def _report(
    folder: Annotated[Path, typer.Argument(help="Folder of a study or of a result.", show_default=False)],
    limit: Annotated[
        Optional[list[str]],
        typer.Option(
            "--limit",
            metavar="METRIC=NUMBER",
            help="Name the best cell of a study inside this limit, such as ttft_p95_ms=500.",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks of errors.")] = False,
) -> None:
    """Write report.html into the folder of a stored study or result; of a study, figures and tables too."""

    def command() -> int:
        from llenergymeasure.cli.commands import report  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        return report.command(folder, limit or [])

    raise typer.Exit(exit_code_of(command, tracebacks=verbose))


@app.command("compare")
def _compare(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders of results, or of studies; the first is the reference.", show_default=False),
    ],
    allow_different_work: Annotated[
        bool,
        typer.Option("--allow-different-work", help="Compare them although model, prompts or lengths differ."),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The comparison as JSON on stdout.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks of errors.")] = False,
) -> None:
    """Compare stored results or studies: ratios with intervals, and what differs. Writes nothing."""

    def command() -> int:
        from llenergymeasure.cli.commands import compare  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        return compare.command(folders, allow_different_work=allow_different_work, json=json_)

    raise typer.Exit(exit_code_of(command, tracebacks=verbose))
