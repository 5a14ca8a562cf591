"""sigden: scientific signal denoising for astronomy and physics.

Every method is a frozen dataclass: its fields are its parameters, its name is its registry key.
"""

from __future__ import annotations

from typing import Any

from sigden import registry
from sigden.errors import (
    ConvergenceWarning,
    FileError,
    InputError,
    MissingExtraError,
    ParameterError,
    SigdenError,
)
from sigden.method import Method, from_dict, from_toml, provenance, read_toml, sigden_version

__version__ = sigden_version()

__all__ = [
    "ConvergenceWarning",
    "FileError",
    "InputError",
    "Method",
    "MissingExtraError",
    "ParameterError",
    "SigdenError",
    "from_dict",
    "from_toml",
    "method_names",
    "provenance",
    "read_toml",
    *registry.BUILTIN,
]

method_names = registry.names


def __getattr__(name: str) -> Any:
    """Methods load on first use."""
    if name in registry.BUILTIN:
        return registry.load(name)
    raise AttributeError(f"module 'sigden' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
