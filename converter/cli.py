"""The command ``converter``.

Exit codes: 0 converted and equal (or nothing to compare), 1 converted and not equal, 2 refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from converter.checking.command import check
from converter.console import Console, print_anything
from converter.errors import ConversionError
from converter.targets import Target

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
        _out.print(Text(f"note: {note}"))
    if conversion.report is not None:
        _out.print(conversion.report)
    _out.print(Text(f"wrote {out}" + ("" if verify else ", not verified")))
    if conversion.report is not None and not conversion.report.ok:
        raise typer.Exit(NOT_EQUAL)


app.command()(check)


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
    _err.print(Text.assemble(("refused: ", "bold red"), str(error)))


def main() -> None:
    """The entry point."""
    print_anything()
    app()


if __name__ == "__main__":
    main()
