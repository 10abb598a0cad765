"""python -m perflow_demo.evaluation WHAT: tables, JSON and pictures."""

import logging
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from perflow_demo.errors import UserError
from perflow_demo.evaluation import memory as memory_figures
from perflow_demo.evaluation import pocket as pocket_figures
from perflow_demo.evaluation import refining
from perflow_demo.evaluation import solids as solid_figures
from perflow_demo.evaluation import speed as speed_figures
from perflow_demo.evaluation import views as view_figures
from perflow_demo.evaluation.report import Report
from perflow_demo.settings import Settings

FAILED = 2


def _in_a_folder(path: Path | None) -> Path | None:
    """Said before hours of work, not after."""
    if path and not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}; make it first.")
    return path


def _a_picture(path: Path | None) -> Path | None:
    if path and path.suffix.lower() != ".png":
        raise typer.BadParameter(f"it has to be a .png file, not {path.name}.")
    return _in_a_folder(path)


Json = Annotated[
    Path | None, typer.Option("--json", help="Write the figures here too.", callback=_in_a_folder)
]
Grid = Annotated[
    Path | None,
    typer.Option("--grid", help="Write a sheet of pictures (PNG) here.", callback=_a_picture),
]
Quick = Annotated[bool, typer.Option("--quick", help="Fewer pictures or runs: a first look.")]

program = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What the program's claims are worth, in numbers.",
)


@program.command()
def pocket(json: Json = None, grid: Grid = None, quick: Quick = False) -> None:
    """The embedded family: quality, straightness, styles, unseen words."""
    _measure(pocket_figures, quick, json, grid)


@program.command()
def views(json: Json = None, grid: Grid = None, quick: Quick = False) -> None:
    """Six views of unseen things: against the truth, with and without ΔW."""
    _measure(view_figures, quick, json, grid)


@program.command()
def solids(json: Json = None, grid: Grid = None, quick: Quick = False) -> None:
    """Meshes of unseen things: against the truth, and of drawn pictures."""
    _measure(solid_figures, quick, json, grid)


@program.command()
def refine(json: Json = None, grid: Grid = None, quick: Quick = False) -> None:
    """Refined pictures: against LANCZOS, the teacher's 25 steps, and the originals."""
    _measure(refining, quick, json, grid)


@program.command()
def speed(json: Json = None, quick: Quick = False) -> None:
    """Requests, overhead, ΔW merge and the page's start, as ratios."""
    rounds = 3 if quick else 7
    _hand_over(speed_figures.evaluate(Settings.from_environment(), rounds), json)


@program.command()
def memory(json: Json = None) -> None:
    """Bytes on the device, shared against separate: at full size, and Pocket's."""
    _hand_over(memory_figures.evaluate(Settings.from_environment()), json)


def _measure(figures: ModuleType, quick: bool, json: Path | None, grid: Path | None) -> None:
    plan = figures.QUICK if quick else figures.FULL
    _hand_over(figures.evaluate(Settings.from_environment(), plan), json, grid)


def _hand_over(parts: Iterable[Report], json: Path | None, grid: Path | None = None) -> None:
    """Each part as soon as it is measured, for some take minutes."""
    report = Report()
    for part in parts:
        typer.echo(part.text() + "\n")
        report.add(part)
        if json:
            report.write_json(json)
    if grid:
        report.write_grid(grid)


def main() -> None:
    """Run the command; what a user can mend is one line on stderr."""
    try:
        program(prog_name="python -m perflow_demo.evaluation")
    except UserError as error:
        typer.echo(f"Error: {error}", err=True)
        raise SystemExit(FAILED) from error


if __name__ == "__main__":
    # The libraries' warnings are for programmers; the tables are for everyone.
    logging.disable(logging.WARNING)
    main()
