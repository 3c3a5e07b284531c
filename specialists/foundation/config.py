"""Configuration: frozen pydantic models read from TOML, overridable by dotted keys.

Unknown keys are errors that name the keys that exist. No environment variable is read here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from specialists.foundation.errors import ConfigError


class Config(BaseModel):
    """Base of every configuration section."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def load(cls, path: Path | None = None, overrides: Sequence[str] = ()) -> Self:
        """Read a TOML file, lay ``key.sub=value`` overrides over it, validate.

        Args:
            path: the TOML file, or None for the defaults alone.
            overrides: ``dotted.key=value`` items; values are read as TOML, else as plain text.

        Raises:
            ConfigError: unreadable file, bad TOML, unknown key, wrong value; the message names it.
        """
        data: dict[str, Any] = {}
        if path is not None:
            try:
                data = tomllib.loads(path.read_text(encoding="utf-8"))
            except OSError as error:
                raise ConfigError(f"cannot read {path}: {error.strerror}") from error
            except tomllib.TOMLDecodeError as error:
                raise ConfigError(f"{path} is not valid TOML: {error}") from error
        for item in overrides:
            assign(data, item)
        return cls.parse(data, origin=str(path) if path else "configuration")

    @classmethod
    def parse(cls, data: Mapping[str, Any], *, origin: str) -> Self:
        """Validate a mapping; ``origin`` names it in error messages."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            lines = [
                f"  {'.'.join(map(str, e['loc'])) or '(top)'}: {_explain(e, cls)}"
                for e in error.errors()
            ]
            raise ConfigError(f"{origin} is not valid:\n" + "\n".join(lines)) from error


def assign(data: dict[str, Any], item: str) -> None:
    """Lay one ``dotted.key=value`` over a mapping; the value is read as TOML, else as plain text.

    Raises:
        ConfigError: not of that form, or the key goes through something that is no section.
    """
    key, sep, text = item.partition("=")
    if not sep or not key:
        raise ConfigError(f"an override is written key.sub=value, not {item!r}")
    _set(data, key.split("."), _toml_value(text))


def _explain(error: Any, model: type[BaseModel]) -> str:
    if error["type"] != "extra_forbidden":
        return str(error["msg"])
    fields: list[str] = list(model.model_fields)
    for part in error["loc"][:-1]:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model, fields = annotation, list(annotation.model_fields)
    return f"unknown key; the keys here are {', '.join(fields)}"


def _set(data: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        section: Any = data.setdefault(key, {})
        if not isinstance(section, dict):
            raise ConfigError(f"{'.'.join(keys)}: {key} is a value, not a section")
        data = section
    data[keys[-1]] = value


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text
