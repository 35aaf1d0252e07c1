"""`llem`: options and exit codes. The only module that imports typer; commands are imported when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from llenergymeasure._numerals import decimal_number
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
        typer.Argument(help="YAML file; `experiments:` at its top makes it a study.", show_default=False),
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
        Optional[Path], typer.Option("--output", "-o", help="Where result folders go. Default: results/.")
    ] = None,
    set_: Annotated[
        Optional[list[str]],
        typer.Option("--set", metavar="KEY=VALUE", help="Any field by its dotted name; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Validate, resolve, estimate memory; run nothing.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout, and nothing else.")] = False,
    export_csv: Annotated[bool, typer.Option("--export-csv", help="Write result.csv beside result.json.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Write report.html beside result.json.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, notes or paths of results.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks of errors.")] = False,
) -> None:
    """Measure one experiment or a list of them."""
    flags: dict[str, Any] = {
        "model": model, "backend": backend, "dataset": dataset, "n": n, "pytorch.batch_size": batch_size,
        "precision": precision,
    }  # fmt: skip
    given = {name: value for name, value in flags.items() if value is not None}

    def command() -> int:
        if dry_run:
            from llenergymeasure.cli.commands import dry_run as planning  # noqa: PLC0415 - what a run needs takes longer

            return planning.command(config, given, set_ or [], output=output, report=report)
        from llenergymeasure.cli.commands import run  # noqa: PLC0415 - takes long; what fails in it is reported as any failure

        return run.command(
            config, given, set_ or [], output=output, json=json_, export_csv=export_csv, report=report, quiet=quiet
        )

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
