"""Bytes to text: UTF-8, UTF-16 with a mark, and lines of Windows-1252 among them."""

from __future__ import annotations

from pathlib import Path

from specialists.foundation.errors import IngestError


def read_text(path: Path, notes: list[str]) -> str:
    """A file's text, line ends made ``\\n``.

    A line that is not UTF-8 is read as Windows-1252, which is noted.

    Raises:
        IngestError: a line is neither.
    """
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return _lines(data.decode("utf-16"))
        except UnicodeDecodeError as error:
            raise IngestError(f"{path}: begins as UTF-16 but is not: {error.reason}") from error
    try:
        return _lines(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        pass  # mixed encodings: go line by line
    lines: list[str] = []
    foreign: list[int] = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            try:
                lines.append(line.decode("cp1252"))
            except UnicodeDecodeError as error:
                raise IngestError(
                    f"{path}, line {number}: byte 0x{line[error.start]:02x} at position "
                    f"{error.start + 1} is neither UTF-8 nor Windows-1252: save the file as UTF-8"
                ) from error
            foreign.append(number)
    notes.append(
        f"{path.name}: {len(foreign)} lines are not UTF-8 and were read as Windows-1252, "
        f"the first is line {foreign[0]}"
    )
    return _lines("\n".join(lines))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
