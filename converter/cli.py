"""The command ``converter``.

Exit codes: 0 converted and equal (or nothing to compare), 1 converted and not equal, 2 refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from converter.errors import ConversionError, Problem
from converter.targets import Target

if TYPE_CHECKING:
    from converter.verification.report import Report

NOT_EQUAL, REFUSED = 1, 2

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Read a MATLAB network or an ONNX file, write Keras or PyTorch code, and prove with onnxruntime that it is equal.",
)
_out, _err = Console(), Console(stderr=True)


Source = Annotated[Path, typer.Argument(help="A .mat file, layers that MATLAB printed, or an .onnx file.", show_default=False)]
Variable = Annotated[str | None, typer.Option(help="The network's variable in a .mat file that holds several.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def inspect(source: Source, as_json: AsJson = False, variable: Variable = None) -> None:
    """List the layers with their output shapes, parameters and what would be refused."""
    from converter.conversion import read
    from converter.inspection import inspect

    with _refusing():
        found = inspect(read(source, variable))
    _print_json(found.to_json()) if as_json else _out.print(found)


@app.command()
def convert(
    source: Source,
    to: Annotated[Target, typer.Option(help="What to write.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The folder to write; it must be new, empty or an earlier conversion.")],
    same: Annotated[bool, typer.Option("--same", help='Write padding="same" wherever it is equal for every size.')] = False,
    verify: Annotated[bool, typer.Option(help="Run the code and compare it with onnxruntime.")] = True,
    variable: Variable = None,
) -> None:
    """Write a folder with the model as code, its weights and a record, and prove that it is equal."""
    from converter.conversion import convert

    with _refusing():
        conversion = convert(source, to, out, verify=verify, same=same, variable=variable)
    for note in conversion.notes:
        _out.print(Text(f"note: {note}"), soft_wrap=True)
    if conversion.report is not None:
        _out.print(conversion.report)
    _out.print(Text(f"wrote {out}" + ("" if verify else ", not verified")), soft_wrap=True)
    if conversion.report is not None and not conversion.report.ok:
        raise typer.Exit(NOT_EQUAL)


@app.command()
def check(
    paths: Annotated[list[Path], typer.Argument(help="Specs, folders of specs, conversion folders.", show_default=False)],
    layers: Annotated[bool, typer.Option("--layers", help="Compare layer by layer and list them all.")] = False,
) -> None:
    """Run equivalence specs, and verify conversions anew."""
    worst = 0
    for path in paths:
        try:
            tasks = list(_tasks(path, layers))
        except ConversionError as error:
            _print_error(error)
            worst = REFUSED
            continue
        for label, task in tasks:
            try:
                report = task()
            except ConversionError as error:
                _print_error(error)
                worst = REFUSED
                continue
            errors = [output.max_relative_error for output in report.outputs.values()]
            figure = f", relative error at most {max(errors):.2g}" if errors else ""
            verdict = Text("equal", style="green") if report.ok else Text("NOT EQUAL", style="bold red")
            _out.print(Text.assemble(verdict, f"  {label}{figure}"), soft_wrap=True)
            if not report.ok:
                _out.print(report)
                worst = max(worst, NOT_EQUAL)
            if layers:
                from converter.verification.layers import table

                _out.print(table(report.layers, report.blame))
    if worst:
        raise typer.Exit(worst)


def _tasks(path: Path, layers: bool = False) -> Iterator[tuple[str, Callable[[], Report]]]:
    """What ``path`` asks to be checked: a label, and the check."""
    from converter.conversion import RECORD
    from converter.conversion import open as open_conversion
    from converter.specifications import find, load

    if (path / RECORD).is_file():
        yield str(path), lambda: open_conversion(path).verify(layers=layers)
        return
    files = find(path) if path.is_dir() else [path]
    if not files:
        advice = "Give a spec, a folder of specs, or a folder written by `converter convert`."
        raise ConversionError(Problem("the folder holds no specs and no conversion.", advice=advice), str(path))
    for file in files:
        specification = load(file)
        for target in specification.targets:
            yield f"{file}: {specification.model.name} in {target}", lambda s=specification, t=target: s.run(t, layers=layers)


@app.command()
def operators(as_json: AsJson = False) -> None:
    """List the operators that can be written, and their restrictions."""
    from converter.operators import table

    rows = table()
    if as_json:
        _print_json(rows)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    listing = Table("operator", "domain", "pytorch", "keras", "restrictions", box=SIMPLE_HEAD)
    for row in rows:
        marks = ["yes" if row[target] else "" for target in ("pytorch", "keras")]
        listing.add_row(row["name"], row["domain"], *marks, Text(row["restrictions"]))
    _out.print(listing)
    _out.print(f"{len(rows)} operators")


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def _refusing() -> Iterator[None]:
    """End the command with exit code 2 and the reasons, one block on stderr."""
    try:
        yield
    except ConversionError as error:
        _print_error(error)
        raise typer.Exit(REFUSED) from None


def _print_error(error: ConversionError) -> None:
    _err.print(Text.assemble(("refused: ", "bold red"), str(error)), soft_wrap=True)


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
