"""BER-TLV as smart cards use it: tags of up to four bytes, definite lengths.

Parsing ends in values or in `TlvError`, whatever the bytes are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_TAG_BYTES_MOST = 4
_LENGTH_BYTES_MOST = 4


class TlvError(ValueError):
    """Bytes that are not what they should be. The text never quotes them."""


class Item(NamedTuple):
    """One element: `tag` with all its bytes, its value, and where in the data it ends."""

    tag: int
    value: bytes
    end: int


def header(data: bytes, at: int = 0) -> tuple[int, int, int]:
    """Tag, number of bytes before the value, and length of the value, at `at`.

    The value itself may not be there yet: this is how a file's size is learnt from its start.
    """
    begin = at
    if at >= len(data):
        raise TlvError("no tag")
    tag = data[at]
    at += 1
    if tag & 0x1F == 0x1F:
        while True:
            if at >= len(data) or at - begin >= _TAG_BYTES_MOST:
                raise TlvError("unfinished tag")
            tag = tag << 8 | data[at]
            at += 1
            if not tag & 0x80:
                break
    if at >= len(data):
        raise TlvError("no length")
    size = data[at]
    at += 1
    if size >= 0x80:
        count = size & 0x7F
        if not 1 <= count <= _LENGTH_BYTES_MOST or at + count > len(data):
            raise TlvError("length")
        size = int.from_bytes(data[at : at + count], "big")
        at += count
    return tag, at - begin, size


def read(data: bytes, at: int = 0) -> Item:
    """The element at `at`."""
    tag, head, size = header(data, at)
    start = at + head
    if start + size > len(data):
        raise TlvError("value is cut off")
    return Item(tag, data[start : start + size], start + size)


def walk(data: bytes) -> Iterator[Item]:
    """All elements, one after another; zero bytes between them are filling."""
    at = 0
    while at < len(data):
        if data[at] == 0:
            at += 1
            continue
        item = read(data, at)
        yield item
        at = item.end


def find(data: bytes, *path: int) -> bytes:
    """The value of the first element under each tag of `path` in turn."""
    for tag in path:
        for item in walk(data):
            if item.tag == tag:
                data = item.value
                break
        else:
            raise TlvError(f"no {tag:02X}")
    return data


def make(tag: int, value: bytes) -> bytes:
    """An element."""
    size = len(value)
    if size < 0x80:
        length = bytes([size])
    else:
        raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(raw)]) + raw
    return tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big") + length + value
