"""`python -m perflow_demo`."""

import logging

from perflow_demo.cli import program

# The libraries' warnings are for programmers; what a user has to know is raised or noted.
logging.disable(logging.WARNING)
program(prog_name="python -m perflow_demo")
