"""Whether a value fits a JSON schema, for replies of servers that hold nothing to it.

Not the whole of JSON Schema: types, ``const``, ``enum``, ``properties``, ``required``, closed
objects, ``items``, ``anyOf`` and references within the schema, which is what the jobs' schemas use.
Keywords it does not know are not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
}


def mismatch(value: Any, schema: dict[str, Any]) -> str:
    """Where a value first leaves a schema, in words; empty where it fits."""
    return next(_faults(value, schema, schema, "the reply"), "")


def _faults(value: Any, schema: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[str]:
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from _faults(value, target, root, place)
        return
    if "anyOf" in schema:
        ways = [next(_faults(value, way, root, place), "") for way in schema["anyOf"]]
        if all(ways):
            yield ways[0] if len(ways) == 1 else f"{place} has none of the forms it may have"
    if "const" in schema and value != schema["const"]:
        yield f"{place} must be {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} must be one of {', '.join(map(repr, schema['enum'][:20]))}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_TYPES[kind](value) for kind in kinds):
        yield f"{place} must be of type {' or '.join(kinds)}"
        return
    if isinstance(value, dict):
        yield from _of_object(value, schema, root, place)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for number, item in enumerate(value):
            yield from _faults(item, schema["items"], root, f"{place}[{number}]")


def _of_object(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], place: str
) -> Iterator[str]:
    known = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{place} lacks {key!r}"
    for key, item in value.items():
        if key in known:
            yield from _faults(item, known[key], root, f"{place}.{key}")
        elif schema.get("additionalProperties") is False:
            yield f"{place} may not have {key!r}"
