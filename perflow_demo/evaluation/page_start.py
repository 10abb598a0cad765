"""From the start of the process to the first page served: the app against an empty gradio page."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from perflow_demo.errors import UserError
from perflow_demo.evaluation import timing
from perflow_demo.evaluation.report import Report

ROOT = Path(__file__).resolve().parent.parent.parent
EMPTY_PAGE = """
import sys
import gradio

with gradio.Blocks(analytics_enabled=False) as page:
    pass
page.launch(server_name="127.0.0.1", server_port=int(sys.argv[2]), ssr_mode=False)
"""
COMMANDS = {
    "empty page": (sys.executable, "-c", EMPTY_PAGE),
    "the app": (sys.executable, "app.py", "--host", "127.0.0.1"),
}
PATIENCE = 120  # seconds
GLANCE = 0.02  # seconds between two looks


def measure(rounds: int) -> Report:
    """One row for each program; both run once before, so that their files are in memory."""
    actions = {
        name: lambda command=command: serve_once(command) for name, command in COMMANDS.items()
    }
    timing.in_turns(actions, rounds=1)
    return Report({"start to first page": timing.rows(timing.in_turns(actions, rounds))})


def serve_once(command: tuple[str, ...]) -> str:
    """Start a server with `--port PORT` added, wait until / is answered by 200, end it; the answer.

    Raises UserError where it ends by itself or does not answer in two minutes.
    """
    port = _free_port()
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return _first_page(process, port)
    finally:
        process.kill()
        process.wait()


def _first_page(process: subprocess.Popen, port: int) -> str:
    # Without the proxies of the environment: this is our own machine.
    client = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise UserError(
                "A server ended before it served its page; start it by hand to see why."
            )
        try:
            with client.open(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(GLANCE)
    raise UserError(f"A server did not answer in {PATIENCE} s; start it by hand to see why.")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
