"""A hot loop with several implementations, chosen by the namespace of its input."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import array_api_compat

from sigden.arrays.namespace import namespace
from sigden.errors import SigdenError

__all__ = ["Kernel"]

_LOG = logging.getLogger("sigden.kernels")


@cache
def _load(target: str) -> Callable[..., Any]:
    module, _, function = target.partition(":")
    return getattr(importlib.import_module(module), function)


@cache
def _say_once(kernel: str, wanted: str) -> None:
    _LOG.info("kernel %s has no %s implementation: the generic one is used", kernel, wanted)


class Kernel:
    """Named set of implementations with one signature.

    Parameters
    ----------
    name : str
        What the loop computes.
    generic : str
        ``"module:function"`` of the array-API reference implementation.
    numba, cuda : str, optional
        ``"module:function"`` of the CPU and the CuPy implementation; imported on first use.

    Notes
    -----
    NumPy arrays go to ``numba``, CuPy arrays to ``cuda``, every other namespace to ``generic``. A missing
    implementation falls back to ``generic`` and says so once in the log.
    """

    def __init__(self, name: str, *, generic: str, numba: str | None = None, cuda: str | None = None) -> None:
        self.name = name
        self._targets = {"generic": generic}
        if numba is not None:
            self._targets["numba"] = numba
        if cuda is not None:
            self._targets["cuda"] = cuda

    @property
    def implementations(self) -> tuple[str, ...]:
        """Names of the implementations that exist."""
        return tuple(self._targets)

    def implementation(self, name: str) -> Callable[..., Any]:
        """One implementation by name.

        Parameters
        ----------
        name : {"generic", "numba", "cuda"}
            Which one.

        Returns
        -------
        callable
            The function.

        Raises
        ------
        SigdenError
            If the kernel has no such implementation.
        """
        if name not in self._targets:
            have = ", ".join(self._targets)
            raise SigdenError(f"kernel {self.name} has no {name!r} implementation; it has {have}")
        return _load(self._targets[name])

    def choose(self, xp: ModuleType) -> str:
        """Name of the implementation that serves a namespace."""
        if array_api_compat.is_numpy_namespace(xp):
            wanted = "numba"
        elif array_api_compat.is_cupy_namespace(xp):
            wanted = "cuda"
        else:
            return "generic"
        if wanted in self._targets:
            return wanted
        _say_once(self.name, wanted)
        return "generic"

    def __call__(self, first: Any, *args: Any) -> Any:
        """Run the implementation that serves the namespace of the first argument."""
        return self.implementation(self.choose(namespace(first)))(first, *args)

    def __repr__(self) -> str:
        return f"Kernel({self.name!r}: {', '.join(self._targets)})"
