"""The command line: the commands of the tasks, `models` and `serve`."""

import json
import traceback
from dataclasses import asdict
from itertools import groupby
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

from perflow_demo.commands import COMMANDS, Debug
from perflow_demo.errors import UserError
from perflow_demo.settings import Settings
from perflow_demo.tasks.offers import FamilyOffer, Offer, offers
from perflow_demo.tasks.table import TASKS

FAILED = 2
INTERRUPTED = 130


class OneLineErrors(TyperGroup):
    """Every failure is one line on stderr and exit code 2; a traceback only with --debug."""

    def main(self, *args: Any, **options: Any) -> None:
        """Run, and end the process with its exit code."""
        try:
            code = super().main(*args, **options | {"standalone_mode": False})
        except TyperException as error:
            code = _fail(error.format_message())
        except Abort:
            code = INTERRUPTED
        raise SystemExit(code if isinstance(code, int) else 0)

    def invoke(self, context: typer.Context) -> Any:
        """Run the command; context.meta["debug"] was set by --debug."""
        try:
            return super().invoke(context)
        except (TyperException, typer.Exit, Abort):
            raise
        except Exception as error:
            if context.meta.get("debug"):
                traceback.print_exc()
            known = isinstance(error, UserError)
            fault = f"{type(error).__name__}: {error}; --debug shows where it happened"
            return _fail(str(error) if known else fault)


def _fail(message: str) -> int:
    typer.echo("Error: " + " ".join(message.split()), err=True)
    return FAILED


program = typer.Typer(
    cls=OneLineErrors,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Text to picture in four PeRFlow steps.",
)


@program.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """List all models, what each is for and takes, and whether it is on this machine."""
    known = offers(Settings.from_environment())
    if as_json:
        typer.echo(json.dumps([asdict(offer) for offer in known], indent=2, ensure_ascii=False))
        return
    for purpose, same in groupby(known, lambda offer: offer.purpose):
        typer.echo(f"{purpose}:")
        for offer in same:
            _print_offer(offer)


@program.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def serve(context: typer.Context, debug: Debug = False) -> None:
    """Start the app; takes the options of app.py, --host and --port among them."""
    import app  # gradio takes its time, so only here

    app.serve(app.read_settings(context.args))  # a UserError is told like all others


def _print_offer(offer: Offer) -> None:
    there = f"not here: {', '.join(offer.missing)}" if offer.missing else "ready"
    if offer.missing and offer.fetched:
        there = f"fetched when first used, about {offer.download_bytes / 1e9:.1f} GB"
    if offer.memory_bytes:
        there += f"; {offer.memory_bytes / 1e9:.1f} GB in memory"
    typer.echo(f"{offer.name}  {offer.title}, {offer.licence}: {there}")
    typer.echo(f"  {offer.description}")
    for style in offer.styles if isinstance(offer, FamilyOffer) else ():
        there = "ready" if style.available else "not here"
        typer.echo(f"  --style {style.name}  {style.title}: {there}. {style.description}")


for _name, _command in COMMANDS.items():
    program.command(TASKS[_name].command)(_command(TASKS[_name]))
