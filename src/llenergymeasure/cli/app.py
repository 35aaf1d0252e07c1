"""`llem`: its commands and exit codes. A command is imported when it is called."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from llenergymeasure.cli.options import RunOptions
from llenergymeasure.cli.outcome import exit_code_of

app = typer.Typer(
    name="llem",
    help="Measure the energy, throughput, latency and FLOPs of LLM inference.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of `llem`."""
    app(prog_name="llem")  # also for `python -m llenergymeasure`


def _print_version(wanted: bool) -> None:
    if wanted:
        from llenergymeasure.cli.commands.version import lines  # noqa: PLC0415 - only for this option

        print("\n".join(lines()))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show versions, and the installed backends and meters.",
        ),
    ] = False,
) -> None:
    """Measure the energy, throughput, latency and FLOPs of LLM inference."""


@app.command("run")
@wraps(RunOptions, assigned=("__annotations__",), updated=())  # typer takes each field for an option
def _run(**values: Any) -> None:
    """Measure one experiment, or run a study."""
    options = RunOptions(**values)

    def command() -> int:
        options.check()
        if options.dry_run:
            from llenergymeasure.cli.commands import dry_run  # noqa: PLC0415 - what a run needs takes longer

            return dry_run.command(options)
        from llenergymeasure.cli.commands import run  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        return run.command(options)

    raise typer.Exit(exit_code_of(command, tracebacks=options.verbose))


@app.command("config")
def _config(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every package and every setting.")] = False,
) -> None:
    """Show GPUs, backends, meters and settings of this machine. Writes nothing."""

    def command() -> int:
        from llenergymeasure.cli.commands import config  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        return config.command(verbose=verbose)

    raise typer.Exit(exit_code_of(command, tracebacks=verbose))


@app.command("report", short_help="Write the page of a stored result or study.")
def _report(
    folder: Annotated[Path, typer.Argument(help="Folder of a study or of a result.", show_default=False)],
    limit: Annotated[
        Optional[list[str]],
        typer.Option(
            "--limit",
            metavar="METRIC=NUMBER",
            help="Name the best cell of the study within this limit, such as ttft_p95_ms=500.",
        ),
    ] = None,
    margin: Annotated[
        Optional[str],
        typer.Option(
            "--margin",
            metavar="PERCENT",
            help="Say of a factor that it makes no difference above this, such as 2, where its interval shows it.",
            show_default=False,
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the traceback of an error.")] = False,
) -> None:
    """Write report.html into the folder of a stored study or result; of a study, figures and tables too."""

    def command() -> int:
        from llenergymeasure.cli.commands import report  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        return report.command(folder, limit or [], margin)

    raise typer.Exit(exit_code_of(command, tracebacks=verbose))


@app.command("compare", short_help="Compare stored results or studies: ratios and differences.")
def _compare(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders of results, or of studies; the first is the reference.", show_default=False),
    ],
    allow_different_work: Annotated[
        bool,
        typer.Option("--allow-different-work", help="Compare even if model, prompts or lengths differ."),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON on stdout.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the traceback of an error.")] = False,
) -> None:
    """Compare stored results or studies: ratios with intervals, and what differs. Writes nothing."""

    def command() -> int:
        from llenergymeasure.cli.commands import compare  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        return compare.command(folders, allow_different_work=allow_different_work, json=json_)

    raise typer.Exit(exit_code_of(command, tracebacks=verbose))
