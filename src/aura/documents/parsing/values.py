"""JSON: a small document as headings and `path: value` lines, JSON Lines record by record, a big one as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from aura.documents.parsing.elements import Block, Category
from aura.errors import InvalidRequest

LARGEST_DOCUMENT = 8 * 1024 * 1024
"""Bytes. A larger JSON document would need many times its size in memory as objects; it is read as text instead."""
LARGEST_TEXT = 32 * 1024 * 1024
"""Bytes. A still larger one is data, not something to read: as text it would only crowd out what can be found."""
_LARGEST_RECORD = 1024 * 1024
_SHORT_ITEM = 40

Value = dict[str, object] | list[object] | str | bool | None
"""What JSON holds; numbers are kept as they are written."""


def json_blocks(path: Path, encoding: str) -> Iterator[Block] | None:
    """The records and values of a JSON file, or None when it is too big for that and has to be read as plain text.

    Raises:
        InvalidRequest: it is not JSON, or is nested too deeply.
    """
    if has_records(path, encoding):
        return _record_blocks(path, encoding)
    if path.stat().st_size > LARGEST_DOCUMENT:
        return None
    value = _parse(path.read_text(encoding=encoding), "the file")
    return _section(value, 1)


def has_records(path: Path, encoding: str) -> bool:
    """Whether each of the first two lines is a JSON object or array of its own: JSON Lines."""
    found = 0
    with path.open(encoding=encoding) as lines:
        while line := lines.readline(_LARGEST_RECORD):
            if not line.strip():
                continue
            if len(line) >= _LARGEST_RECORD or not _is_container(line):
                return False
            found += 1
            if found == 2:
                return True
    return False


def _is_container(line: str) -> bool:
    try:
        return isinstance(json.loads(line), (dict, list))
    except (ValueError, RecursionError):
        return False


def _record_blocks(path: Path, encoding: str) -> Iterator[Block]:
    number = 0
    with path.open(encoding=encoding) as lines:
        while line := lines.readline(_LARGEST_RECORD):
            number += 1
            if len(line) >= _LARGEST_RECORD:
                raise InvalidRequest(f"the record in line {number} is longer than {_LARGEST_RECORD} characters")
            if line.strip():
                yield from _block(_lines(_parse(line, f"line {number}"), ""))


def _parse(text: str, place: str) -> Value:
    try:
        return cast(Value, json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str, parse_constant=str))
    except RecursionError:
        raise InvalidRequest(f"{place} is JSON that is nested too deeply to be read") from None
    except ValueError as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidRequest(
            f"{place} is not valid JSON{where}; mend it, or name it .txt to have it read as text"
        ) from None


def _section(value: Value, depth: int) -> Iterator[Block]:
    """A value's members as lines, a list's items one block each; large members follow under their names as headings."""
    if isinstance(value, list) and _has_containers(value):
        for item in _members(value):
            yield from _block(_lines(item, ""))
        return
    if not isinstance(value, dict):
        yield from _block(_lines(value, ""))
        return
    members = {name: cast(Value, member) for name, member in value.items()}
    large = {name for name, member in members.items() if _is_large(member, depth)}
    yield from _block(line for name, member in members.items() if name not in large for line in _lines(member, name))
    for name, member in members.items():
        if name in large:
            yield Block(category=Category.TITLE, text=name, depth=depth)
            yield from _section(member, depth + 1)


def _is_large(value: Value, depth: int) -> bool:
    """Whether a member is worth a heading: a list of objects, what holds one, and every object at the top."""
    if isinstance(value, dict):
        return depth == 1 or any(_is_large(member, depth) for member in _members(value))
    return isinstance(value, list) and _has_containers(value)


def _has_containers(values: list[object]) -> bool:
    return any(isinstance(value, (dict, list)) for value in values)


def _members(value: dict[str, object] | list[object]) -> list[Value]:
    return [cast(Value, member) for member in (value.values() if isinstance(value, dict) else value)]


def _lines(value: Value, path: str) -> Iterator[str]:
    """`path: value` for every plain value inside."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _lines(cast(Value, member), f"{path}.{name}" if path else name)
    elif isinstance(value, list) and _has_containers(value):
        for index, member in enumerate(_members(value)):
            yield from _lines(member, f"{path}[{index}]")
    elif isinstance(value, list):
        items = [_plain(item) for item in _members(value)]
        short = all(len(item) <= _SHORT_ITEM for item in items)
        yield _named(path, ", ".join(items)) if short else _named(path, "\n" + "\n".join(f"- {item}" for item in items))
    else:
        yield _named(path, _plain(value))


def _named(path: str, text: str) -> str:
    return f"{path}:{'' if text.startswith(chr(10)) else ' '}{text}" if path else text.strip()


def _plain(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _block(lines: Iterable[str]) -> Iterator[Block]:
    if text := "\n".join(lines):
        yield Block(category=Category.TEXT, text=text)
