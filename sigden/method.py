"""A method is a value: a frozen dataclass that can be called, written down and read back."""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Self

from sigden import registry
from sigden.arrays.namespace import to_numpy
from sigden.errors import FileError, ParameterError

__all__ = ["InputHash", "Method", "from_dict", "from_toml", "provenance", "read_toml", "sigden_version"]

METHOD_KEY = "method"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method:
    """Base of every algorithm a user can call.

    Notes
    -----
    Subclasses are frozen dataclasses; their fields are their parameters, their class name is their registry
    key. Range checks stand in ``__post_init__`` and raise `~sigden.errors.ParameterError` naming the field.
    """

    axes: ClassVar[str] = ""
    """What the axes of the input mean, for the table of methods."""

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not field.default:
                object.__setattr__(self, field.name, _typed(value, hints[field.name], field.name))

    @classmethod
    def name(cls) -> str:
        """Registry key."""
        return cls.__name__

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def parameters(cls) -> dict[str, tuple[str, Any]]:
        """Parameters as ``name -> (type, default)``; a required one has the default ``...``."""
        hints = _hints(cls)
        return {
            f.name: (_type_name(hints[f.name]), ... if f.default is dataclasses.MISSING else f.default)
            for f in dataclasses.fields(cls)
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain dict of built-in types; `from_dict` makes an equal value of it.

        Returns
        -------
        dict
            ``{"method": name, parameter: value, ...}``. Parameters that are None are left out.
        """
        out: dict[str, Any] = {METHOD_KEY: self.name()}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None:
                out[field.name] = _plain(value)
        return out

    def to_toml(self) -> str:
        """TOML text; `from_toml` makes an equal value of it."""
        import tomli_w

        return tomli_w.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Value of this class from a plain dict.

        Parameters
        ----------
        data : mapping
            Parameters; the key ``"method"`` may be left out, and must name this class if given.

        Returns
        -------
        Method
            The value.

        Raises
        ------
        ParameterError
            Naming the key that is unknown, missing or of the wrong type.
        """
        data = dict(data)
        given = data.pop(METHOD_KEY, cls.name())
        if given != cls.name():
            raise ParameterError(f"method: expected {cls.name()!r}, got {given!r}")
        return _build(cls, data, where="")

    def replace(self, **changes: Any) -> Self:
        """Copy with some parameters changed."""
        unknown = set(changes) - {f.name for f in dataclasses.fields(self)}
        if unknown:
            raise ParameterError(_unknown_key(type(self), sorted(unknown)[0], ""))
        return dataclasses.replace(self, **changes)


def from_dict(data: Mapping[str, Any]) -> Method:
    """Any method from a plain dict; the key ``"method"`` names it.

    Parameters
    ----------
    data : mapping
        ``{"method": name, parameter: value, ...}``.

    Returns
    -------
    Method
        The value.

    Raises
    ------
    ParameterError
        Naming the key that is unknown, missing or of the wrong type.
    """
    return _from_dict(data, where="")


def from_toml(text: str) -> Method:
    """Any method from TOML text.

    Raises
    ------
    ParameterError
        If the text is not TOML, or as `from_dict`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"not valid TOML: {error}") from error
    return from_dict(data)


def read_toml(path: str | Path) -> Method:
    """Any method from a TOML file.

    Raises
    ------
    FileError
        If the file cannot be read.
    ParameterError
        As `from_toml`, with the path in front.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise FileError(f"{path}: cannot read the method: {reason}") from error
    try:
        return from_toml(text)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from error


def provenance(method: Method, values: Any = None, **inputs: Any) -> dict[str, Any]:
    """Record of how an output was made.

    Parameters
    ----------
    method : Method
        What was called.
    values : array, optional
        The input; its dtype, shape and bytes give the hash.
    **inputs : float or array, optional
        Other inputs, such as sigma and mask; those that are None are left out.

    Returns
    -------
    dict
        ``method``, ``parameters``, ``version``, with `values` ``input_sha256``, and of each other input its
        value if it is a number or its hash, as ``mask_sha256``.
    """
    parameters = method.to_dict()
    record = {"method": parameters.pop(METHOD_KEY), "parameters": parameters, "version": sigden_version()}
    if values is not None:
        record["input_sha256"] = input_hash(values)
    for name, value in inputs.items():
        if isinstance(value, (int, float)):
            record[name] = value
        elif value is not None:
            record[f"{name}_sha256"] = input_hash(value)
    return record


def input_hash(values: Any) -> str:
    """SHA-256 over dtype, shape and C-order bytes, the same for both byte orders."""
    host = to_numpy(values)
    digest = InputHash(host.dtype, host.shape)
    digest.add(host)
    return digest.hexdigest()


class InputHash:
    """`input_hash` of an array that comes in pieces.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the whole array.
    shape : tuple of int
        Of the whole array.
    """

    def __init__(self, dtype: Any, shape: tuple[int, ...]) -> None:
        self._dtype = dtype.newbyteorder("<")
        self._digest = hashlib.sha256(f"{self._dtype.str}{shape}".encode())

    def add(self, values: Any) -> None:
        """Take in the next elements in C order."""
        import numpy as np

        self._digest.update(np.ascontiguousarray(values, dtype=self._dtype).data.cast("B"))

    def hexdigest(self) -> str:
        """Hash of what has been added."""
        return self._digest.hexdigest()


@lru_cache(maxsize=1)
def sigden_version() -> str:
    """Installed version of sigden."""
    try:
        return version("sigden")
    except PackageNotFoundError:
        return "unknown"


_hints: Callable[[Any], dict[str, Any]] = cache(typing.get_type_hints)


def _from_dict(data: Any, where: str) -> Method:
    if not isinstance(data, Mapping):
        raise ParameterError(f"{where or 'method'}: expected a table, got {type(data).__name__}")
    data = dict(data)
    name = data.pop(METHOD_KEY, None)
    if not isinstance(name, str):
        raise ParameterError(
            f"{where}{METHOD_KEY}: missing; it names the method, {registry.suggest('', registry.names())}"
        )
    return _build(registry.load(name), data, where)


def _unknown_key(cls: type[Method], key: str, where: str) -> str:
    known = tuple(f.name for f in dataclasses.fields(cls))
    return f"{where}{key}: unknown key of {cls.name()}; {registry.suggest(key, known)}"


def _build(cls: type[Any], data: dict[str, Any], where: str) -> Any:
    hints = _hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for key in data:
        if key not in fields:
            raise ParameterError(_unknown_key(cls, key, where))
    for key, field in fields.items():
        if field.default is dataclasses.MISSING and key not in data:
            raise ParameterError(f"{where}{key}: missing; {cls.name()} needs it")
    values = {key: _convert(value, hints[key], f"{where}{key}") for key, value in data.items()}
    return cls(**values)


def _convert(value: Any, hint: Any, where: str) -> Any:
    kinds = _method_kinds(hint)
    if kinds and isinstance(value, Mapping):
        return _typed(_from_dict(value, f"{where}."), hint, where)
    return _typed(value, hint, where)


def _typed(value: Any, hint: Any, where: str) -> Any:
    """Value of the declared type: whole numbers serve as floats, lists as tuples, nothing else changes."""
    import msgspec

    kinds = _method_kinds(hint)
    if kinds and (value is not None or type(None) not in typing.get_args(hint)):
        if isinstance(value, kinds):
            return value
        given = f"the method {value.name()}" if isinstance(value, Method) else repr(value)
        raise ParameterError(f"{where}: expected a {_type_name(hint)}, got {given}")
    try:
        return msgspec.convert(_builtin(value), hint, strict=True)
    except msgspec.ValidationError as error:
        raise ParameterError(f"{where}: {error}; expected {_type_name(hint)}, got {value!r}") from error


def _builtin(value: Any) -> Any:
    """NumPy scalars as numbers, also within sequences."""
    if isinstance(value, (list, tuple)):
        return [_builtin(v) for v in value]
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def _method_kinds(hint: Any) -> tuple[type[Method], ...]:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return tuple(option for option in options if isinstance(option, type) and issubclass(option, Method))


def _type_name(hint: Any) -> str:
    if hint is type(None):
        return "None"
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(repr(a) for a in typing.get_args(hint))
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return " | ".join(_type_name(a) for a in typing.get_args(hint))
    if typing.get_origin(hint) is not None:
        return str(hint)
    return getattr(hint, "__name__", str(hint))


def _plain(value: Any) -> Any:
    if isinstance(value, Method):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
