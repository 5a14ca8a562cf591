"""Errors that name what went wrong, where, and what to do."""

from __future__ import annotations

__all__ = [
    "ConvergenceWarning",
    "FileError",
    "InputError",
    "MissingExtraError",
    "ParameterError",
    "SigdenError",
]


class SigdenError(Exception):
    """Base of every error that sigden raises on purpose."""


class InputError(SigdenError, ValueError):
    """The data given to a method cannot be used: wrong shape, dtype, unit or a non-finite value."""


class ParameterError(SigdenError, ValueError):
    """A method's parameter is unknown, ill-typed or out of range."""


class FileError(SigdenError, OSError):
    """A file is missing, damaged, hostile or may not be overwritten."""


class MissingExtraError(SigdenError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""


class ConvergenceWarning(UserWarning):
    """A solver stopped before its certificate was met; the estimate is the best it had."""
