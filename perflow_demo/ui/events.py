"""How the page's events behave: their queues, and errors as one sentence."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature
from typing import Any

import gradio as gr

from perflow_demo.errors import UserError
from perflow_demo.tasks.contract import Request

# One running generation a device, as `launch` says: all tasks share this queue, the others wait and
# see their place.
ON_DEVICE: dict[str, Any] = {"concurrency_limit": "default", "concurrency_id": "device"}
# The page's own events: not part of the API, and at once.
INTERNAL: dict[str, Any] = {"api_visibility": "private"}
AT_ONCE: dict[str, Any] = INTERNAL | {"queue": False, "show_progress": "hidden"}
# Only what goes through a queue can tell its error to the visitor.
MAY_FAIL: dict[str, Any] = INTERNAL | {"concurrency_limit": None, "show_progress": "hidden"}


def explained(function: Callable) -> Callable:
    """The function, with its UserError turned into gradio's: a message without a traceback."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except UserError as error:
            raise gr.Error(str(error), title="", print_exception=False) from error

    return wrapper


def endpoint(function: Callable[[Request], Any], request: type[Request], returns: Any) -> Callable:
    """A function of the request's fields, named, typed and defaulted as they are, for `gr.api`."""
    fields = request.model_fields

    def call(*values):
        return function(request(**dict(zip(fields, values, strict=True))))

    parameters = [
        Parameter(
            name,
            Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if field.is_required() else field.default,
            annotation=field.annotation,
        )
        for name, field in fields.items()
    ]
    call.__signature__ = Signature(parameters, return_annotation=returns)
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": returns}
    call.__doc__ = function.__doc__
    return explained(call)
