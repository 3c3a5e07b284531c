"""What a file really is, told by its first bytes, against what its ending says."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from specialists.foundation.errors import IngestError

Kind = Literal["delimited", "parquet", "excel", "text", "markdown"]

ENDINGS: dict[str, Kind] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
}
MAX_BYTES = 1 << 30

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"PK\x03\x04", "a ZIP archive or Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (.xls, .doc)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_EXPECTED: dict[Kind, str] = {
    "parquet": "a Parquet file",
    "excel": "a ZIP archive or Excel workbook",
}
_MEANT = {"a Parquet file": ".parquet", "a ZIP archive or Excel workbook": ".xlsx"}


def kind_of(path: Path) -> Kind:
    """The kind of a file that can be read.

    Raises:
        IngestError: missing, empty, too big, of an unknown ending, or not what its ending says.
    """
    if not path.is_file():
        raise IngestError(f"{path}: there is no such file")
    size = path.stat().st_size
    if size == 0:
        raise IngestError(f"{path}: the file is empty")
    if size > MAX_BYTES:
        raise IngestError(f"{path}: {size:,} bytes; files have at most {MAX_BYTES:,}: split it")
    kind = ENDINGS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(ENDINGS)
        raise IngestError(
            f"{path}: files ending in {path.suffix or 'nothing'} are not read; {known} are"
        )
    with path.open("rb") as stream:
        head = stream.read(65536)
    found = next((what for magic, what in _MAGIC if head.startswith(magic)), None)
    expected = _EXPECTED.get(kind)
    if expected is not None and found != expected:
        raise IngestError(
            f"{path} is {found or 'not ' + expected}, against its ending {path.suffix}"
            + ("" if found else ": it looks like text, so .csv, .txt or .md may be right")
        )
    if expected is None and found is not None:
        meant = _MEANT.get(found)
        advice = f": rename it to end in {meant}" if meant else "; tables and texts are read"
        raise IngestError(f"{path} is {found}, against its ending {path.suffix}{advice}")
    if expected is None and b"\x00" in head and head[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        at = head.index(b"\x00")
        raise IngestError(f"{path} is not text: a zero byte at position {at}")
    return kind
