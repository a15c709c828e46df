"""Dataclasses of the model to plain JSON values and back, worked out from their types.

Promises:

- What is encoded and decoded again is equal to what it was.
- A new field or class of the model needs no change here, as long as its type is made of
  what is known: texts, numbers, dates, enumerations, dataclasses, tuples, frozen sets of
  texts, mappings by text, `X | None` and the union of answers.
- Decoding checks every value's type and never runs anything; what does not fit raises
  `Malformed`, and nothing else.
- `shape` is a fingerprint of the model: two programs with the same fingerprint mean the
  same by the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

Encode: TypeAlias = Callable[[Any], Any]
Decode: TypeAlias = Callable[[Any], Any]
T = TypeVar("T")


class Malformed(ValueError):
    """A value that the model cannot hold."""


@dataclass(frozen=True, slots=True)
class Codec:
    """Both directions for one type."""

    encode: Encode
    decode: Decode


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a dataclass."""

    name: str
    codec: Codec
    store: Callable[[Any, Any], None]  # (object, value), past the frozen door
    light: bool  # small: no lists of dataclasses within
    default: Callable[[], Any] | None


def encode(value: object) -> Any:
    """The plain form of an instance of a dataclass."""
    return codec_of(type(value)).encode(value)


def decode(kind: type[T], raw: Any) -> T:
    """The instance that `raw` means. Raises Malformed."""
    try:
        result: T = codec_of(kind).decode(raw)
    except RecursionError:
        raise Malformed("nested too deeply") from None
    return result


def shape(*kinds: Any) -> str:
    """A fingerprint of these types and everything within them."""
    seen: dict[str, str] = {}
    for kind in kinds:
        _gather(kind, seen)
    text = "\n".join(f"{name}: {seen[name]}" for name in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _gather(kind: Any, seen: dict[str, str]) -> None:
    if isinstance(kind, type) and issubclass(kind, Enum):
        seen[kind.__name__] = "|".join(str(one.value) for one in kind)
    elif is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ in seen:
            return
        seen[kind.__name__] = ""
        hints = get_type_hints(kind)
        seen[kind.__name__] = " ".join(f"{one.name}={hints[one.name]}" for one in fields(kind))
        for hint in hints.values():
            _gather(hint, seen)
    for part in get_args(kind):
        _gather(part, seen)


def codec_of(kind: Any) -> Codec:
    """The codec of a type. Raises TypeError for one that the model must not use."""
    known = _CODECS.get(kind)
    if known is None:
        known = _CODECS[kind] = _made(kind)
    return known


_CODECS: dict[Any, Codec] = {}


def _made(kind: Any) -> Codec:
    plain = _PLAIN.get(kind)
    if plain is not None:
        return plain
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(codec_of(arguments[1]))
    if origin is frozenset and arguments == (str,):
        return _texts()
    raise TypeError(f"the model cannot hold {kind}")


def _same(value: Any) -> Any:
    return value


def _exactly(kind: type) -> Codec:
    def check(raw: Any) -> Any:
        if type(raw) is not kind:
            raise Malformed(f"{kind.__name__} expected")
        return raw

    return Codec(_same, check)


def _day(raw: Any) -> date:
    try:
        return date.fromisoformat(raw)
    except (TypeError, ValueError):
        raise Malformed("date expected") from None


_PLAIN: Mapping[Any, Codec] = {
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    float: _exactly(float),
    date: Codec(date.isoformat, _day),
}


def _enum(kind: type[Enum]) -> Codec:
    members = {one.value: one for one in kind}

    def read(raw: Any) -> Enum:
        try:
            return members[raw]
        except (KeyError, TypeError):
            raise Malformed(f"{kind.__name__} expected") from None

    return Codec(lambda one: one.value, read)


def _tuple(arguments: tuple[Any, ...]) -> Codec:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        inner = codec_of(arguments[0])
        write_one, read_one = inner.encode, inner.decode

        def read(raw: Any) -> tuple[Any, ...]:
            if type(raw) is not list:
                raise Malformed("list expected")
            return tuple([read_one(one) for one in raw])

        return Codec(lambda value: [write_one(one) for one in value], read)
    each = [codec_of(one) for one in arguments]

    def read_each(raw: Any) -> tuple[Any, ...]:
        if type(raw) is not list or len(raw) != len(each):
            raise Malformed(f"list of {len(each)} expected")
        return tuple(one.decode(part) for one, part in zip(each, raw, strict=True))

    return Codec(
        lambda value: [one.encode(part) for one, part in zip(each, value, strict=True)],
        read_each,
    )


def _texts() -> Codec:
    def read(raw: Any) -> frozenset[str]:
        if type(raw) is not list or not all(type(one) is str for one in raw):
            raise Malformed("list of texts expected")
        return frozenset(raw)

    return Codec(sorted, read)


def _mapping(inner: Codec) -> Codec:
    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        return {key: inner.encode(value[key]) for key in sorted(value)}

    def read(raw: Any) -> dict[str, Any]:
        if type(raw) is not dict:
            raise Malformed("mapping expected")
        return {key: inner.decode(one) for key, one in raw.items()}

    return Codec(write, read)


def _union(arguments: tuple[Any, ...]) -> Codec:
    others = [one for one in arguments if one is not NoneType]
    inner = codec_of(others[0]) if len(others) == 1 else _scalar_union(tuple(others))
    if len(others) == len(arguments):
        return inner

    def write(value: Any) -> Any:
        return None if value is None else inner.encode(value)

    def read(raw: Any) -> Any:
        return None if raw is None else inner.decode(raw)

    return Codec(write, read)


_DATE, _SET = "d", "s"


def _scalar_union(arguments: tuple[Any, ...]) -> Codec:
    """A union of scalars; those that JSON does not know are marked by a mapping of one key."""
    plain = tuple(one for one in arguments if one in (str, int, bool))
    sets = any(get_origin(one) is frozenset for one in arguments)
    if len(plain) + (date in arguments) + sets != len(arguments):
        raise TypeError(f"the model cannot hold a union of {arguments}")

    def write(value: Any) -> Any:
        if isinstance(value, date):
            return {_DATE: value.isoformat()}
        return {_SET: sorted(value)} if isinstance(value, frozenset) else value

    def read(raw: Any) -> Any:
        if type(raw) in plain:
            return raw
        if type(raw) is dict and len(raw) == 1:
            if _DATE in raw and date in arguments:
                return _day(raw[_DATE])
            if _SET in raw and sets:
                return _texts().decode(raw[_SET])
        raise Malformed("answer expected")

    return Codec(write, read)


@cache
def columns_of(kind: type) -> tuple[Column, ...]:
    """The fields of a dataclass, in order."""
    hints = get_type_hints(kind)
    return tuple(
        Column(
            one.name,
            _later(hints[one.name])
            if _within(hints[one.name], kind)
            else codec_of(hints[one.name]),
            _storing(kind, one.name),
            _light(hints[one.name]),
            _default(one),
        )
        for one in fields(kind)
    )


def _within(hint: Any, kind: type) -> bool:
    return hint is kind or any(_within(part, kind) for part in get_args(hint))


def _later(kind: Any) -> Codec:
    """A codec that is looked up when it is used: of a class that holds itself."""
    return Codec(
        lambda value: codec_of(kind).encode(value),
        lambda raw: codec_of(kind).decode(raw),
    )


def _storing(kind: type, name: str) -> Callable[[Any, Any], None]:
    member = kind.__dict__.get(name)
    if hasattr(member, "__set__"):  # a slot
        store: Callable[[Any, Any], None] = member.__set__  # type: ignore[union-attr]
        return store
    return lambda one, value: object.__setattr__(one, name, value)


def _default(one: Field[Any]) -> Callable[[], Any] | None:
    if one.default is not MISSING:
        return lambda: one.default
    return one.default_factory if one.default_factory is not MISSING else None


def _light(hint: Any) -> bool:
    """True for what is small whatever it holds: no list of dataclasses, none within itself."""
    if is_dataclass(hint) and isinstance(hint, type):
        return all(_light(one) for one in get_type_hints(hint).values())
    if get_origin(hint) in (tuple, frozenset, Mapping):
        return not any(is_dataclass(part) for part in get_args(hint))
    return all(_light(part) for part in get_args(hint) if part is not NoneType)


def _dataclass(kind: type) -> Codec:
    columns = columns_of(kind)
    least = sum(one.default is None for one in columns)
    writers = [(one.name, one.codec.encode, one.default) for one in columns]
    readers = [(one.store, one.codec.decode) for one in columns]
    defaults = [(one.store, one.default) for one in columns]
    new: Callable[[type], Any] = object.__new__

    def write(value: Any) -> list[Any]:
        parts = [getattr(value, name) for name, _, _ in writers]
        while parts and (default := writers[len(parts) - 1][2]) and default() == parts[-1]:
            parts.pop()
        return [writer(part) for (_, writer, _), part in zip(writers, parts, strict=False)]

    def read(raw: Any) -> Any:
        if type(raw) is not list or not least <= len(raw) <= len(columns):
            raise Malformed(f"{kind.__name__} expected")
        made = new(kind)
        for (store, reader), part in zip(readers, raw, strict=False):
            store(made, reader(part))
        for store, default in defaults[len(raw) :]:
            store(made, default())  # type: ignore[misc]  # the last ones all have defaults
        return made

    return Codec(write, read)
