"""Files of unknown origin as rows: CSV, JSON lines, a JSON list, Parquet, each also gzipped.

Nothing is trusted: a row that cannot be read is handed on with the reason, so that the caller can keep it aside.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ImportFormatError
from workbench.records import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_BYTES = 2 << 30
MAX_ROW_LINES = 2_000
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")


@dataclass(frozen=True)
class Row:
    """One row. `values` is empty where it could not be read, for `error`; `sha256` tells distinct rows apart."""

    line: int
    raw: str
    sha256: str
    values: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Rows:
    """All rows of a file, its columns, and its name."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    origin: str


def read_rows(source: Any) -> Rows:
    """Rows of a file, or of a data frame of any library.

    Raises
    ------
    ImportFormatError
        When the file is missing, empty, or not of a kind that holds rows.
    """
    if not isinstance(source, str | Path):
        return _frame_rows(source)
    path = Path(source)
    data, suffix = _bytes(path)
    if not data.strip():
        raise ImportFormatError("the file is empty", where=str(path))
    if suffix == ".parquet" or data[:4] == b"PAR1":
        return _parquet(data, path)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # Excel's "Unicode text"
        data = data.decode("utf-16", errors="backslashreplace").encode()
    if b"\0" in data[:4096]:
        raise ImportFormatError("the file is binary, not text", where=str(path), next_step=_kinds())
    if suffix in (".csv", ".tsv"):
        return _csv(data, path)
    if suffix == ".json" and data.lstrip()[:1] == b"[":
        return _json_list(data, path)
    if suffix in (".jsonl", ".ndjson", ".json"):
        return _json_lines(data, path)
    raise ImportFormatError(f"cannot tell rows from a {suffix or 'nameless'} file", where=str(path), next_step=_kinds())


def _kinds() -> str:
    return f"give a file that ends in {', '.join(SUFFIXES)}, each also with .gz"


def _bytes(path: Path) -> tuple[bytes, str]:
    name = path.name.lower()
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.open(file) if packed else file as plain:
                data = plain.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImportFormatError(f"cannot read the file: {reason}", where=str(path)) from None
    if len(data) > MAX_BYTES:
        raise ImportFormatError(f"more than {MAX_BYTES >> 30} GiB of rows", where=str(path), next_step="split the file")
    return data, Path(name.removesuffix(".gz")).suffix


def row_of(line: int, values: dict[str, Any], raw: str | None = None) -> Row:
    """A row that was read; rows are the same when their values are, however they were written."""
    try:
        text = canonical_json(values)
        sha = hashlib.sha256(text.encode()).hexdigest()
    except ValueError as error:  # NaN or Infinity as a bare word, half of a surrogate pair, text in a number's place
        shown = raw if raw is not None else repr(values)
        return bad_row(line, shown.encode("utf-8", "backslashreplace"), f"not readable text: {error}")
    return Row(line, text if raw is None else raw, sha, values)


def bad_row(line: int, raw: bytes, error: str) -> Row:
    """A row that could not be read."""
    return Row(line, raw.decode("utf-8", "backslashreplace"), hashlib.sha256(raw).hexdigest(), error=error)


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in row.values))


def _json_lines(data: bytes, path: Path) -> Rows:
    rows = []
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        line = raw.strip()
        if not line:
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            rows.append(bad_row(number, line, f"not JSON: {error}"))
            continue
        if isinstance(values, dict):
            rows.append(row_of(number, values, line.decode("utf-8", "backslashreplace")))
        else:
            rows.append(bad_row(number, line, f"expected an object, got {type(values).__name__}"))
    return Rows(tuple(rows), _columns(rows), path.name)


def _json_list(data: bytes, path: Path) -> Rows:
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImportFormatError(f"not JSON: {error}", where=str(path)) from None
    rows = []
    for number, values in enumerate(entries, 1):  # `line` is the place in the list
        if isinstance(values, dict):
            rows.append(row_of(number, values))
        else:
            raw = json.dumps(values)
            rows.append(bad_row(number, raw.encode(), f"expected an object, got {type(values).__name__}"))
    return Rows(tuple(rows), _columns(rows), path.name)


@contextmanager
def _long_fields() -> Iterator[None]:
    # The limit is one for the whole process, so it is put back.
    before = csv.field_size_limit(MAX_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv(data: bytes, path: Path) -> Rows:
    # Bytes that are no UTF-8 survive as surrogates, so a row in another encoding is refused and not read wrongly.
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = list(io.StringIO(text, newline=""))  # not splitlines, which also cuts at characters inside texts
    start = next(number for number, line in enumerate(lines) if line.strip())
    delimiter = max(",;\t", key=lines[start].count)
    with _long_fields():
        parsed = _csv_records(lines, start, delimiter)
        _, header, _, error = next(parsed)
        header = [name.strip() for name in header]
        if error or len(header) < 2 or len(set(header)) < len(header) or not all(header):
            why = error or f"its first line is {[name[:40] for name in header[:12]]}"
            raise ImportFormatError(f"no header of two or more distinct column names: {why}", where=str(path))
        rows = []
        for number, fields, raw, error in parsed:
            encoded = raw.rstrip("\r\n").encode("utf-8", "surrogateescape")
            if not error and not fields:
                continue
            if not error and len(fields) != len(header):
                error = f"expected {len(header)} fields, got {len(fields)}"
            if not error and any("\udc80" <= char <= "\udcff" for value in fields for char in value):
                error = "not UTF-8: save the file as UTF-8"
            if error:
                rows.append(bad_row(number, encoded, error))
            else:
                rows.append(row_of(number, dict(zip(header, fields, strict=True)), raw.rstrip("\r\n")))
    return Rows(tuple(rows), tuple(header), path.name)


def _csv_records(lines: list[str], start: int, delimiter: str) -> Iterator[tuple[int, list[str], str, str]]:
    """Records as (line number, fields, raw text, error). After an error reading goes on with the next line.

    A quote that is never closed swallows the rest of the file in most readers; here it costs its own line.
    """
    at = start
    while at < len(lines):
        reader = csv.reader(iter(lines[at : at + MAX_ROW_LINES]), delimiter=delimiter, strict=True)
        done = 0
        try:
            for fields in reader:
                yield at + done + 1, fields, "".join(lines[at + done : at + reader.line_num]), ""
                done = reader.line_num
        except csv.Error as error:
            # The end of the window is the end of the file only for the last window.
            if done and at + MAX_ROW_LINES < len(lines):
                at += done
                continue
            yield at + done + 1, [], lines[at + done], f"not CSV: {error}"
            done += 1
        at += done


def _parquet(data: bytes, path: Path) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        entries = pq.read_table(io.BytesIO(data)).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        first = str(error).splitlines()[0][:200]
        raise ImportFormatError(f"not a Parquet file: {first}", where=str(path)) from None
    return _entries(entries, path.name)


def _frame_rows(frame: Any) -> Rows:
    import narwhals as nw

    try:
        eager = nw.from_native(frame)
        if isinstance(eager, nw.LazyFrame):
            eager = eager.collect()
    except TypeError:
        raise ImportFormatError(
            f"expected a path or a data frame, got {type(frame).__name__}", next_step="pass a file's path"
        ) from None
    return _entries(list(eager.iter_rows(named=True)), "data frame")


def _entries(entries: Sequence[dict[str, Any]], origin: str) -> Rows:
    rows = [
        row_of(number, {str(name): _plain(value) for name, value in entry.items()})
        for number, entry in enumerate(entries, 1)
    ]
    return Rows(tuple(rows), _columns(rows), origin)


def _plain(value: Any) -> Any:
    """A cell as plain data: missing values are None, times are text, numbers are Python's."""
    if hasattr(value, "item") and not isinstance(value, list | dict | str | bytes):
        value = value.item() if getattr(value, "size", 1) == 1 else value.tolist()
    if value is None or value != value:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return value if isinstance(value, str | int | float | bool) else str(value)
