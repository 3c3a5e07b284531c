"""The rows of a published file or of a hub's split, each knowing where it stands.

Reads JSON lines, a JSON array, CSV and Parquet. What a row must have is asked of it field by field,
so that an error names the file, the line and the field.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from evals.public.catalogue import Published
from specialists.foundation.errors import ConfigError, InputError

FORMS = (".jsonl", ".json", ".csv", ".parquet")
LONGEST_CELL = 10_000_000
"""Characters of a CSV cell; the csv module's own limit is shorter than some filings."""


@dataclass(frozen=True)
class Row:
    """A row and where it stands."""

    values: Mapping[str, Any]
    where: str
    """``test.jsonl, line 3``."""

    def get(self, names: str) -> Any:
        """The value of a field; ``a|b``: of the first there is.

        Raises:
            InputError: there is no such field, or it is empty.
        """
        for name in names.split("|"):
            value = self.values.get(name)
            if value is not None and value != "":
                return value
        there = ", ".join(self.values) or "none"
        raise InputError(f"{self.where}: field {names} is missing or empty; there are: {there}")

    def text(self, names: str) -> str:
        """A field that is a text or a number, as text.

        Raises:
            InputError: missing, or something else.
        """
        value = self.get(names)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.wrong(names, "a text", value)
        return str(value).strip()

    def items(self, names: str) -> Sequence[Any]:
        """A field that is a list.

        Raises:
            InputError: missing, or something else.
        """
        value = self.get(names)
        if not isinstance(value, list):
            raise self.wrong(names, "a list", value)
        return value

    def mapping(self, names: str) -> Mapping[str, Any]:
        """A field that is an object.

        Raises:
            InputError: missing, or something else.
        """
        value = self.get(names)
        if not isinstance(value, dict):
            raise self.wrong(names, "an object", value)
        return value

    def wrong(self, names: str, wanted: str, value: object) -> InputError:
        """An error about a field."""
        return InputError(f"{self.where}: field {names} must be {wanted}, not {str(value)[:60]!r}")


def read(path: Path) -> Iterator[Row]:
    """The rows of a file.

    Raises:
        InputError: it cannot be read, is of no form that is read here, or a line is no object.
    """
    readers = {".jsonl": _lines, ".json": _array, ".csv": _cells, ".parquet": _columns}
    if path.suffix not in readers:
        raise InputError(f"{path}: its name ends with none of {', '.join(FORMS)}")
    try:
        count = 0
        for count, row in enumerate(readers[path.suffix](path), 1):  # noqa: B007 - counted
            yield row
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    if not count:
        raise InputError(f"{path} holds no row")


def _lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            where = f"{path.name}, line {number}"
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{where}: not JSON: {error.msg}, column {error.colno}") from error
            yield _row(value, where)


def _array(path: Path) -> Iterator[Row]:
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        told = f"{error.msg}, line {error.lineno}, column {error.colno}"
        raise InputError(f"{path.name}: not JSON: {told}") from error
    if not isinstance(whole, list):
        raise InputError(f"{path.name}: must be an array of objects")
    for number, value in enumerate(whole, 1):
        yield _row(value, f"{path.name}, entry {number}")


def _row(value: object, where: str) -> Row:
    if not isinstance(value, dict):
        raise InputError(f"{where}: must be an object, not {str(value)[:60]!r}")
    return Row(value, where)


def _cells(path: Path) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        try:
            for values in reader:
                where = f"{path.name}, line {reader.line_num}"
                if None in values:
                    raise InputError(f"{where}: more cells than the header has")
                yield Row(values, where)
        except csv.Error as error:
            raise InputError(f"{path.name}, line {reader.line_num}: {error}") from error


def _columns(path: Path) -> Iterator[Row]:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(path)
    except ArrowException as error:
        raise InputError(f"{path} is not a Parquet file: {error}") from error
    for number, values in enumerate(table.to_pylist(), 1):
        yield Row(values, f"{path.name}, row {number}")


def from_hub(published: Published, id: str | None = None) -> Iterator[Row]:
    """The rows of a set's split on the hub.

    Args:
        id: another repository of the same form; None: the set's own.

    Raises:
        ConfigError: the library ``datasets`` is not installed.
        InputError: the hub cannot be reached, or has no such set.
    """
    name = id or published.hub
    if not name:
        raise InputError(f"{published.title} is not on the hub: name a file of it")
    own = id is None
    try:
        library: Any = import_module("datasets")
    except ImportError as error:
        raise ConfigError(
            "sets are read from the hub by the library datasets: pip install 'finroute[train]'"
        ) from error
    try:
        rows = library.load_dataset(
            name,
            published.config if own else None,
            split=published.split,
            revision=published.revision if own else None,
        )
    except Exception as error:  # the library raises whatever its transports do
        first = (str(error).splitlines() or [""])[0][:200]
        raise InputError(
            f"{name} cannot be read from the hub ({type(error).__name__}: {first}); "
            f"name a local file of the same form instead ({', '.join(FORMS)})"
        ) from error
    for number, values in enumerate(rows, 1):
        yield Row(values, f"{name}, {published.split}, row {number}")
