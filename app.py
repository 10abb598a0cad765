"""The app: `python app.py` opens the page; a Hugging Face Space runs this file as it is."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from perflow_demo import ui
from perflow_demo.errors import UserError
from perflow_demo.registry import open_registry
from perflow_demo.settings import Settings, parse_bytes

FAILED = 2  # as on the command line


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and serve the page until it is stopped."""
    try:
        serve(read_settings(argv))
    except UserError as error:
        print(f"app.py: {error}", file=sys.stderr)
        sys.exit(FAILED)


def serve(settings: Settings) -> None:
    """Serve the page until it is stopped; raises UserError where the port is taken."""
    page = ui.build(open_registry(settings))
    try:
        ui.launch(page, settings)
    except OSError as error:
        raise UserError(
            f"Nothing can listen on {settings.host}:{settings.port}; choose another --port."
        ) from error


def read_settings(argv: Sequence[str] | None = None) -> Settings:
    """Settings from the environment, with what the arguments say on top; raises UserError."""
    parser = _Parser(description="Text to picture in four PeRFlow steps.")
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 for the whole network")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--device", help="auto, cpu, mps, cuda or cuda:0,cuda:1 …")
    parser.add_argument("--memory-budget", metavar="SIZE", help="most that models take, as in 2GB")
    parser.add_argument("--share", action="store_true", default=None, help="open a public link")
    given = vars(parser.parse_args(argv))
    if given["memory_budget"] is not None:
        given["memory_budget"] = parse_bytes(given["memory_budget"])
    return Settings.from_environment(**given)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[0].upper()}{message[1:]}; --help tells what can be said.")


if __name__ == "__main__":
    main()
