"""The pack: a whole catalogue in one file that is read in milliseconds and checked on load.

Promises:

- The same catalogue gives the same bytes: there is no time, name or path in them.
- `open_pack` reads what stands in lists and on tiles at once, and an item's questions,
  materials and situations when they are first touched. What it gives is equal to the pack
  that was built.
- Nothing in a pack is ever evaluated: it holds JSON, read by the types of the model.
- A pack that was cut, edited, made for another program or is too large is refused with a
  code before anything of it is used. The sum tells accidents, not forgers: where a pack
  comes from is the business of whoever installs it, and `verified` (used on installing)
  reads all of it and works its catalogue's own hash out anew.

The file: `MAGIC`, format version (two bytes), SHA-256 of all that follows, length of the
index (four bytes), the index and then the bodies, each packed by itself.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from kiosk.catalogue.codec import Column, Malformed, codec_of, columns_of, shape
from kiosk.catalogue.digest import digest
from kiosk.catalogue.engine import ENGINE_VERSION
from kiosk.catalogue.matters import of_bundle, of_item
from kiosk.catalogue.model import Bundle, Department, Group, Item, Matter, Pack, PlainEntry
from kiosk.catalogue.search import Readings, readings_of

MAGIC: Final = b"OUKPACK\n"
FORMAT: Final = 1
MAX_PACK_BYTES: Final = 64 * 1024 * 1024
MAX_INDEX_BYTES: Final = 32 * 1024 * 1024  # unpacked
MAX_BODY_BYTES: Final = 4 * 1024 * 1024  # unpacked, of one item
_MAX_READINGS_BYTES: Final = 32 * 1024 * 1024
_HEAD: Final = len(MAGIC) + 2
_SUM: Final = 32
_LENGTH: Final = 4
_LEVEL: Final = 9

PartT = TypeVar("PartT", Item, Bundle)


class PackFault(Enum):
    """What can be wrong with a pack. The value is (code, meaning)."""

    NOT_A_PACK = ("CP-01", "this is no pack of a catalogue")
    OTHER_FORMAT = ("CP-02", "the pack has another format than this program reads")
    TOO_LARGE = ("CP-03", "the pack, or something in it, is too large")
    CUT = ("CP-04", "the pack was cut off")
    ALTERED = ("CP-05", "the pack was altered or damaged: its sum does not fit")
    OTHER_MODEL = ("CP-06", "the pack was built by a program with another model")
    MALFORMED = ("CP-07", "the pack holds something that no catalogue holds")
    OTHER_CONTENT = ("CP-08", "the pack holds another catalogue than it says")
    UNREADABLE = ("CP-09", "the pack cannot be read from disk")
    UNPROVEN = ("CP-10", "the pack holds something that its certificate does not prove")

    @property
    def code(self) -> str:
        """The stable code, such as "CP-04"."""
        return self.value[0]


class PackError(Exception):
    """The pack was refused; `fault` says why."""

    def __init__(self, fault: PackFault, details: str = "") -> None:
        self.fault = fault
        super().__init__(f"{fault.code} {fault.value[1]}{f': {details}' if details else ''}")


@dataclass(frozen=True, slots=True)
class Proven:
    """What was proven of one item or bundle; part of the certificate."""

    code: str
    questions: int
    situations: int
    materials: int
    cases: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """That every case of every item was looked at when the pack was built."""

    rows: tuple[Proven, ...] = ()
    review_points: int = 0
    engine: int = ENGINE_VERSION  # of the rules by which it was proven

    @property
    def cases(self) -> int:
        """Distinguishable answer sets of all items and bundles."""
        return sum(row.cases for row in self.rows)


@dataclass(frozen=True, slots=True)
class Opened:
    """A pack in service, and what travels with it."""

    pack: Pack
    certificate: Certificate
    _readings: Callable[[], Readings]

    def readings(self) -> Readings:
        """For `SearchIndex.build`; unpacked when asked for. Raises PackError."""
        return self._readings()


_MODEL: Final = shape(Item, Bundle, Matter, Group, Department, PlainEntry, Certificate)


# -- writing ------------------------------------------------------------------------------


def build(pack: Pack, certificate: Certificate) -> bytes:
    """The bytes of a checked catalogue."""
    bodies = _Bodies()
    index = {
        "model": _MODEL,
        "hash": pack.hash,
        "groups": [codec_of(Group).encode(one) for one in pack.groups],
        "departments": [
            codec_of(Department).encode(pack.departments[name]) for name in sorted(pack.departments)
        ],
        "plain": [codec_of(PlainEntry).encode(one) for one in pack.plain],
        "items": [bodies.add(Item, one) for _, one in sorted(pack.items.items())],
        "bundles": [bodies.add(Bundle, one) for _, one in sorted(pack.bundles.items())],
        "matters": [
            _head(Matter, one, _base(pack.items, pack.bundles, code))
            for code, one in sorted(pack.matters.items())
        ],
        "certificate": codec_of(Certificate).encode(certificate),
        "readings": bodies.add_raw(_json(readings_of(pack))),
    }
    packed = zlib.compress(_json(index), _LEVEL)
    rest = len(packed).to_bytes(_LENGTH, "big") + packed + bytes(bodies.data)
    return MAGIC + FORMAT.to_bytes(2, "big") + hashlib.sha256(rest).digest() + rest


class _Bodies:
    """What is read later, one after the other."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, kind: type, one: Item | Bundle) -> list[Any]:
        """The row of an item or bundle in the index: its head, and where its body lies."""
        body = [
            column.codec.encode(getattr(one, column.name))
            for column in columns_of(kind)
            if not column.light
        ]
        return [_head(kind, one, None), *self.add_raw(_json(body))]

    def add_raw(self, text: bytes) -> list[int]:
        """Place and length of what is now packed at the end."""
        packed = zlib.compress(text, _LEVEL)
        self.data += packed
        return [len(self.data) - len(packed), len(packed)]


def _head(kind: type, one: object, base: object) -> list[Any]:
    """The light fields; in a mapping by number those that `base` does not have alike."""
    row: list[Any] = []
    own: dict[str, Any] = {}
    for number, column in enumerate(_light(kind)):
        value = getattr(one, column.name)
        if base is None:
            row.append(column.codec.encode(value))
        elif _of(base, column.name) != value:
            own[str(number)] = column.codec.encode(value)
    return row if base is None else [own]


_ABSENT: Final = object()


def _of(base: object, name: str) -> object:
    return getattr(base, name, _ABSENT)


def _base(items: Mapping[str, Item], bundles: Mapping[str, Bundle], code: str) -> Item | Bundle:
    return items[code] if code in items else bundles[code]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


# -- reading ------------------------------------------------------------------------------


def open_pack(data: bytes) -> Opened:
    """The pack in these bytes. Raises PackError."""
    return _guarded(lambda: _Reader(data).open())


def verified(data: bytes) -> Opened:
    """The pack, read to the last item and held against its own hash. Raises PackError."""

    def read() -> Opened:
        opened = _Reader(data).open()
        pack = opened.pack
        for matter in pack.matters.values():
            _ = matter.components
        if content_hash(pack) != pack.hash:
            raise PackError(PackFault.OTHER_CONTENT)
        opened.readings()
        return opened

    return _guarded(read)


def proven(opened: Opened) -> Opened:
    """The same pack, where its certificate names all that it holds. Raises PackError.

    Nothing else takes service: `kiosk catalogue build` only writes what was proven.
    """
    lacking = opened.pack.matters.keys() ^ {row.code for row in opened.certificate.rows}
    if lacking:
        raise PackError(PackFault.UNPROVEN, min(lacking))
    return opened


def content_hash(pack: Pack) -> str:
    """The hash over what a catalogue says, as the loader makes it."""
    departments = sorted(pack.departments.values(), key=lambda one: one.id)
    content = (list(pack.groups), departments, list(pack.plain))
    return digest((content, list(pack.items.values()), list(pack.bundles.values())))


def _guarded(read: Callable[[], Opened]) -> Opened:
    try:
        return read()
    except (Malformed, ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise PackError(PackFault.MALFORMED, type(error).__name__) from None


class _Reader:
    """Reads one pack's bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._bodies = 0

    def open(self) -> Opened:
        index = json.loads(self._index())
        if index["model"] != _MODEL:
            raise PackError(PackFault.OTHER_MODEL)
        items = {one.code: one for one in self._lazy(Item, index["items"])}
        bundles = {one.code: one for one in self._lazy(Bundle, index["bundles"])}
        departments = [codec_of(Department).decode(one) for one in index["departments"]]
        pack = Pack(
            hash=codec_of(str).decode(index["hash"]),
            groups=tuple(codec_of(Group).decode(one) for one in index["groups"]),
            departments={one.id: one for one in departments},
            plain=tuple(codec_of(PlainEntry).decode(one) for one in index["plain"]),
            items=items,
            bundles=bundles,
            matters=self._matters(items, bundles, index["matters"]),
        )
        place, length = index["readings"]
        certificate = codec_of(Certificate).decode(index["certificate"])
        if certificate.engine != ENGINE_VERSION:
            raise PackError(PackFault.OTHER_MODEL, f"proven by the rules {certificate.engine}")
        return Opened(
            pack,
            certificate,
            lambda: self._readings(place, length),
        )

    def _index(self) -> bytes:
        data = self._data
        if len(data) > MAX_PACK_BYTES:
            raise PackError(PackFault.TOO_LARGE, f"at most {MAX_PACK_BYTES} bytes")
        if not data.startswith(MAGIC):
            cut = bool(data) and MAGIC.startswith(data[: len(MAGIC)])
            raise PackError(PackFault.CUT if cut else PackFault.NOT_A_PACK)
        begin = _HEAD + _SUM
        if len(data) < begin + _LENGTH:
            raise PackError(PackFault.CUT)
        version = int.from_bytes(data[len(MAGIC) : _HEAD], "big")
        if version != FORMAT:
            raise PackError(PackFault.OTHER_FORMAT, f"{version}, not {FORMAT}")
        length = int.from_bytes(data[begin : begin + _LENGTH], "big")
        self._bodies = begin + _LENGTH + length
        if self._bodies > len(data):
            raise PackError(PackFault.CUT)
        if hashlib.sha256(memoryview(data)[begin:]).digest() != data[_HEAD:begin]:
            raise PackError(PackFault.ALTERED)
        return _unpacked(data[begin + _LENGTH : self._bodies], MAX_INDEX_BYTES)

    def _body(self, place: int, length: int, most: int) -> Any:
        begin = self._bodies + codec_of(int).decode(place)
        end = begin + codec_of(int).decode(length)
        if not self._bodies <= begin <= end <= len(self._data):
            raise PackError(PackFault.MALFORMED, "a body outside the pack")
        return json.loads(_unpacked(self._data[begin:end], most))

    def _readings(self, place: int, length: int) -> Readings:
        raw = self._body(place, length, _MAX_READINGS_BYTES)
        return {text: tuple(one) for text, one in raw.items()}

    def _lazy(self, kind: type[PartT], rows: list[list[Any]]) -> Iterator[PartT]:
        """Items or bundles of which only the code is there; see `_waiting`."""
        waiting_rows: dict[str, list[Any]] = {}
        light, heavy = _light(kind), _heavy(kind)

        def head(one: PartT) -> None:
            _stored(one, light, waiting_rows[one.code][0])

        def body(one: PartT) -> None:
            _, place, length = waiting_rows[one.code]
            _stored(one, heavy, self._body(place, length, MAX_BODY_BYTES))

        waiting = _waiting(kind, head, body)
        named = _code(kind)
        number = light.index(named)
        for row in rows:
            one = object.__new__(waiting)
            code = named.codec.decode(row[0][number])
            named.store(one, code)
            waiting_rows[code] = row
            yield one

    def _matters(
        self,
        items: Mapping[str, Item],
        bundles: Mapping[str, Bundle],
        rows: list[list[Any]],
    ) -> dict[str, Matter]:
        light, heavy = _light(Matter), _heavy(Matter)
        own_of: dict[str, dict[str, Any]] = {}

        def head(one: Matter) -> None:
            base, own = _base(items, bundles, one.code), own_of[one.code]
            for number, column in enumerate(light):
                raw = own.get(str(number), _ABSENT)
                value = getattr(base, column.name) if raw is _ABSENT else column.codec.decode(raw)
                column.store(one, value)

        def body(one: Matter) -> None:
            whole = _whole(one.code, items, bundles)
            for column in heavy:
                column.store(one, getattr(whole, column.name))

        waiting, named = _waiting(Matter, head, body), _code(Matter)
        codes = sorted([*items, *bundles])
        if len(codes) != len(rows) or len(set(codes)) != len(codes):
            raise Malformed("matters and items differ")
        matters: dict[str, Matter] = {}
        for code, (own,) in zip(codes, rows, strict=True):
            one = object.__new__(waiting)
            named.store(one, code)
            own_of[code] = own
            matters[code] = one
        return matters


def _stored(one: object, columns: tuple[Column, ...], raw: Any) -> None:
    """Put decoded values into their fields."""
    if type(raw) is not list or len(raw) != len(columns):
        raise Malformed("a part of another shape")
    for column, value in zip(columns, raw, strict=True):
        column.store(one, column.codec.decode(value))


def _code(kind: type) -> Column:
    return next(column for column in columns_of(kind) if column.name == "code")


def _whole(code: str, items: Mapping[str, Item], bundles: Mapping[str, Bundle]) -> Matter:
    if code in items:
        return of_item(items[code])
    bundle = bundles[code]
    matter, _ = of_bundle(bundle, [items[one] for one in bundle.items])
    if matter is None:
        raise Malformed("a bundle that cannot be made of its items")
    return matter


def _light(kind: type) -> tuple[Column, ...]:
    return tuple(column for column in columns_of(kind) if column.light)


def _heavy(kind: type) -> tuple[Column, ...]:
    return tuple(column for column in columns_of(kind) if not column.light)


def _unpacked(packed: bytes, most: int) -> bytes:
    opener = zlib.decompressobj()
    try:
        text = opener.decompress(packed, most)
    except zlib.error:
        raise PackError(PackFault.MALFORMED, "not packed as it should be") from None
    if opener.unconsumed_tail:
        raise PackError(PackFault.TOO_LARGE, f"more than {most} bytes unpacked")
    if not opener.eof:
        raise PackError(PackFault.CUT)
    return text


def _waiting(
    kind: type[Any], head: Callable[[Any], None], body: Callable[[Any], None]
) -> type[Any]:
    """A kind of `kind` of which only the code is there yet.

    The first touch of a light field reads the head, that of a heavy one all the rest, and
    from then on it is a plain `kind`: a slot that is empty raises AttributeError, on which
    Python asks `__getattr__`. Two threads may do the same work at once; both do it alike.
    """
    light = frozenset(column.name for column in _light(kind))
    heavy = frozenset(column.name for column in _heavy(kind))

    def get(one: Any, name: str) -> Any:
        if name in light:
            head(one)
        elif name in heavy:
            wake(one)
        else:
            raise AttributeError(name)
        return object.__getattribute__(one, name)

    def wake(one: Any) -> None:
        head(one)
        body(one)
        object.__setattr__(one, "__class__", kind)

    def equal(one: Any, other: object) -> bool:
        wake(one)
        return bool(one == other)

    def hashed(one: Any) -> int:
        wake(one)
        return hash(one)

    own = {"__slots__": (), "__getattr__": get, "__eq__": equal, "__hash__": hashed}
    return type(kind.__name__, (kind,), own)
