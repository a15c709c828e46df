"""The pack: the same catalogue again, in milliseconds; and nothing of a pack that is wrong."""

from __future__ import annotations

import hashlib
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from catalogue_sample import FILES
from hypothesis import given
from hypothesis import strategies as st

from kiosk.catalogue import pack as packs
from kiosk.catalogue.codec import Malformed, decode, encode, shape
from kiosk.catalogue.engine import ENGINE_VERSION, walk
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Answer, Condition, Item, Matter, Pack
from kiosk.catalogue.pack import (
    Certificate,
    PackError,
    PackFault,
    Proven,
    build,
    content_hash,
    open_pack,
    verified,
)
from kiosk.catalogue.search import SearchIndex, readings_of
from kiosk.catalogue_files import DEFAULT_DIRECTORY, load_directory
from kiosk.pack_files import CURRENT, PREVIOUS, PackDirectory

PROVEN = Certificate(
    (
        Proven("BUN-001", 8, 6, 4, 0),
        Proven("CRT-001", 0, 1, 0, 0),
        Proven("PEN-001", 2, 2, 1, 0),
        Proven("TRV-001", 6, 4, 3, 90),
    ),
    12,
)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load(FILES)


@pytest.fixture(scope="module")
def data(pack: Pack) -> bytes:
    return build(pack, PROVEN)


def fault_of(data: bytes) -> PackFault:
    with pytest.raises(PackError) as caught:
        open_pack(data)
    return caught.value.fault


def summed(data: bytes, version: int = packs.FORMAT) -> bytes:
    """These bytes after the sum, with a sum that fits."""
    head = packs.MAGIC + version.to_bytes(2, "big")
    return head + hashlib.sha256(data).digest() + data


def test_what_is_opened_is_what_was_built(pack: Pack, data: bytes) -> None:
    opened = open_pack(data)
    assert opened.pack == pack
    assert opened.certificate == PROVEN
    assert opened.certificate.cases == 90
    assert opened.readings() == readings_of(pack)
    assert {type(one) for one in opened.pack.items.values()} == {Item}


def test_a_pack_proven_by_other_rules_is_refused(pack: Pack) -> None:
    assert open_pack(build(pack, PROVEN)).certificate.engine == ENGINE_VERSION
    other = replace(PROVEN, engine=ENGINE_VERSION + 1)
    with pytest.raises(PackError, match="CP-06"):
        open_pack(build(pack, other))


def test_the_shipped_catalogue_survives_its_pack() -> None:
    shipped = load_directory(DEFAULT_DIRECTORY)
    data = build(shipped, Certificate())
    assert verified(data).pack == shipped
    assert content_hash(open_pack(data).pack) == shipped.hash
    assert data == build(open_pack(data).pack, Certificate())  # canonical


def test_the_order_and_look_of_the_files_change_nothing(data: bytes) -> None:
    other = dict(reversed(FILES.items()))
    other["items/trv-001.yaml"] += "\n# a remark\n"
    assert build(load(other), PROVEN) == data


def test_lists_are_drawn_without_reading_the_items(data: bytes) -> None:
    matters = open_pack(data).pack.matters
    for matter in matters.values():
        assert all((matter.name.zh, matter.minutes, matter.group))
        assert type(matter) is not Matter
    assert type(matters["TRV-001"].questions) is tuple
    assert type(matters["TRV-001"]) is Matter
    assert type(matters["PEN-001"]) is not Matter
    with pytest.raises(AttributeError):
        _ = matters["PEN-001"].nothing  # type: ignore[attr-defined]


def test_a_waiting_item_is_equal_from_either_side_and_can_be_changed(
    pack: Pack, data: bytes
) -> None:
    assert pack.items["TRV-001"] == open_pack(data).pack.items["TRV-001"]
    assert open_pack(data).pack.items["TRV-001"] == open_pack(data).pack.items["TRV-001"]
    assert open_pack(data).pack.items["TRV-001"] != pack.items["PEN-001"]
    assert hash(open_pack(data).pack.items["TRV-001"]) == hash(pack.items["TRV-001"])
    changed = replace(open_pack(data).pack.items["TRV-001"], minutes=9)
    assert changed == replace(pack.items["TRV-001"], minutes=9)
    assert "TRV-001" in repr(open_pack(data).pack.items["TRV-001"])


def test_many_threads_may_touch_the_same_item_first(pack: Pack, data: bytes) -> None:
    for _ in range(20):
        matter = open_pack(data).pack.matters["BUN-001"]
        found: list[object] = []
        gate = threading.Barrier(4)

        threads = [threading.Thread(target=_look, args=(matter, found, gate)) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(10)
        assert found == [walk(pack.matters["BUN-001"], {}, {}).next] * 4


def _look(matter: Matter, found: list[object], gate: threading.Barrier) -> None:
    gate.wait(10)
    found.append(walk(matter, {}, {}).next)


def test_the_stored_readings_serve_the_search(data: bytes) -> None:
    opened = open_pack(data)
    assert SearchIndex.build(opened.pack, opened.readings()).find("tuixiu", 1) == ("BUN-001",)


def test_a_pack_cut_anywhere_is_refused(data: bytes) -> None:
    for length in range(len(data)):
        cut = fault_of(data[:length])
        assert cut in (PackFault.CUT, PackFault.ALTERED, PackFault.NOT_A_PACK), length
    assert fault_of(data[:5]) is PackFault.CUT
    assert fault_of(b"") is PackFault.NOT_A_PACK


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_single_bit_makes_a_pack_useless(place: int, bit: int) -> None:
    data = bytearray(build(load(FILES), PROVEN) if not _BUILT else _BUILT[0])
    _BUILT[:] = _BUILT or [bytes(data)]
    data[place % len(data)] ^= 1 << bit
    fault_of(bytes(data))


_BUILT: list[bytes] = []


def test_packs_of_other_programs_are_refused(
    pack: Pack, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = data[packs._HEAD + packs._SUM :]
    assert fault_of(summed(rest, 2)) is PackFault.OTHER_FORMAT
    assert fault_of(b"items:\n  - code: X\n" * 9) is PackFault.NOT_A_PACK
    monkeypatch.setattr(packs, "_MODEL", "0123456789abcdef")
    assert fault_of(data) is PackFault.OTHER_MODEL
    assert open_pack(build(pack, PROVEN)).pack == pack


def test_a_pack_that_would_unpack_without_end_is_refused(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "MAX_INDEX_BYTES", 200)
    assert fault_of(data) is PackFault.TOO_LARGE
    monkeypatch.setattr(packs, "MAX_PACK_BYTES", 1000)
    assert fault_of(data) is PackFault.TOO_LARGE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"card-and-face"', b'"card-nor-face"'),
        (b'"certificate":[[[', b'"certificate":[[7,['),
        (b'"items":[', b'"items":[7,'),
        (b'"hash":"', b'"hash":7,"h":"'),
        (b'"matters":[', b'"matters":[[{}],'),
    ],
)
def test_an_index_of_another_shape_is_refused(data: bytes, old: bytes, new: bytes) -> None:
    begin = packs._HEAD + packs._SUM + packs._LENGTH
    length = int.from_bytes(data[begin - packs._LENGTH : begin], "big")
    index = zlib.decompress(data[begin : begin + length])
    forged = zlib.compress(index.replace(old, new), 9)
    whole = summed(len(forged).to_bytes(4, "big") + forged + data[begin + length :])
    assert old in index
    with pytest.raises(PackError) as caught:
        verified(whole)
    assert caught.value.fault is PackFault.MALFORMED


def test_a_forged_pack_is_found_out_when_it_is_installed(pack: Pack, tmp_path: Path) -> None:
    forged = build(replace(pack, hash="0" * 64), PROVEN)
    assert open_pack(forged).pack.hash == "0" * 64
    with pytest.raises(PackError) as caught:
        PackDirectory(tmp_path / "packs").install(forged)
    assert caught.value.fault is PackFault.OTHER_CONTENT
    assert not (tmp_path / "packs").exists()


# -- the codec ----------------------------------------------------------------------------

_answers: st.SearchStrategy[Answer] = st.one_of(
    st.text(max_size=5), st.booleans(), st.integers(), st.dates(),
    st.frozensets(st.text(max_size=3), max_size=3),
)  # fmt: skip
_conditions = st.recursive(
    st.builds(Condition, st.sampled_from(["in", "at_least"]), st.text(max_size=5),
              st.lists(_answers, max_size=3).map(tuple)),
    lambda inner: st.builds(
        Condition, st.just("all"), parts=st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)  # fmt: skip


@given(_conditions)
def test_conditions_survive(condition: Condition) -> None:
    again = decode(Condition, encode(condition))
    assert again == condition
    assert [type(value) for value in again.values] == [type(value) for value in condition.values]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=2), inner),
        max_leaves=20,
    )
)
def test_whatever_is_decoded_is_an_item_or_malformed(raw: object) -> None:
    with pytest.raises(Malformed):
        decode(Item, raw)


def test_the_fingerprint_follows_the_model() -> None:
    assert shape(Item) == shape(Item)
    assert shape(Item) != shape(Condition)


# -- on disk ------------------------------------------------------------------------------


def test_a_new_pack_takes_service_and_the_old_one_is_kept(
    pack: Pack, data: bytes, tmp_path: Path
) -> None:
    directory = PackDirectory(tmp_path / "packs")
    assert directory.stamp() is None
    with pytest.raises(PackError, match="CP-09"):
        directory.load()
    assert directory.install(data) == pack
    first = directory.stamp()
    newer = replace(
        pack, items={**pack.items, "PEN-001": replace(pack.items["PEN-001"], version=3)}
    )
    newer = replace(newer, hash=content_hash(newer))
    directory.install(build(newer, PROVEN))
    assert directory.stamp() != first
    assert directory.load().pack.hash == newer.hash
    assert open_pack((tmp_path / "packs" / PREVIOUS).read_bytes()).pack == pack
    assert sorted(one.name for one in (tmp_path / "packs").iterdir()) == [CURRENT, PREVIOUS]


def test_the_last_good_pack_stays_in_service(pack: Pack, data: bytes, tmp_path: Path) -> None:
    directory = PackDirectory(tmp_path)
    directory.install(data)
    directory.install(data)
    (tmp_path / CURRENT).write_bytes(data[:-9])
    served = directory.load()
    assert served.pack == pack
    assert served.fault is not None
    assert served.fault.fault is PackFault.ALTERED
    # What is broken never becomes the pack to fall back on.
    directory.install(data)
    assert directory.load().fault is None
    assert open_pack((tmp_path / PREVIOUS).read_bytes()).pack == pack
    (tmp_path / CURRENT).write_bytes(b"x")
    (tmp_path / PREVIOUS).unlink()
    with pytest.raises(PackError, match="CP-01"):
        directory.load()


def test_a_refused_pack_changes_nothing(data: bytes, tmp_path: Path) -> None:
    directory = PackDirectory(tmp_path)
    directory.install(data)
    before = directory.stamp()
    with pytest.raises(PackError):
        directory.install(data[:-1])
    assert directory.stamp() == before


@pytest.mark.parametrize(
    "rows", [(), PROVEN.rows[:-1], (*PROVEN.rows, Proven("NO-001", 1, 1, 1, 1))]
)
def test_what_was_not_proven_does_not_take_service(
    rows: tuple[Proven, ...], pack: Pack, data: bytes, tmp_path: Path
) -> None:
    unproven = build(pack, Certificate(rows, 12))
    directory = PackDirectory(tmp_path)
    with pytest.raises(PackError, match="CP-10"):
        directory.install(unproven)
    assert directory.stamp() is None
    directory.install(data)
    directory.install(data)
    (tmp_path / CURRENT).write_bytes(unproven)  # however it came there
    served = directory.load()
    assert served.pack == pack
    assert served.fault is not None
    assert served.fault.fault is PackFault.UNPROVEN
