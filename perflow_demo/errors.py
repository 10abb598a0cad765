"""Errors a user can act on: one sentence that says what is wrong and what to do about it."""


class UserError(Exception):
    """Base of every error whose text is written for the user; anything else is a fault of ours."""


class BadRequest(UserError):
    """What was asked for is outside what the program offers."""


class LoadError(UserError):
    """A model's file is missing, damaged, or not what its configuration says."""


class MissingFile(LoadError):
    """A model's file is not there at all."""


class OutOfMemory(UserError):
    """The memory budget, or the device itself, cannot hold what was asked for."""


class Cancelled(UserError):
    """The user stopped the run; raised between two steps."""
