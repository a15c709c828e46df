"""Catalogue texts to one checked `Pack`, or to everything that is wrong with them.

Promises:

- `load` returns a `Pack` in which every reference leads somewhere, every text is there in
  both languages and every condition fits what it tests; or it raises `CatalogueErrors`
  with all findings. It raises nothing else, whatever the texts say.
- The pack's hash depends on what the catalogue says, not on how it is formatted.
- No text is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import TypeVar

from kiosk.catalogue.bundles import bundle_of
from kiosk.catalogue.digest import digest
from kiosk.catalogue.errors import CatalogueErrors, Findings, Rule
from kiosk.catalogue.items import ItemReader
from kiosk.catalogue.library import FieldReader, MaterialReader
from kiosk.catalogue.matters import of_bundle, of_item
from kiosk.catalogue.model import (
    Bundle,
    Department,
    FormField,
    Group,
    Item,
    Material,
    Matter,
    Pack,
    PlainEntry,
)
from kiosk.catalogue.parts import EMPTY, Shared, phone, slug, text
from kiosk.catalogue.reader import At
from kiosk.catalogue.source import parse

GROUPS, DEPARTMENTS, PLAIN = "groups.yaml", "departments.yaml", "plain.yaml"
MATERIALS, FIELDS = "materials.yaml", "fields.yaml"
_SHARED = (GROUPS, DEPARTMENTS, PLAIN, MATERIALS, FIELDS)
PLAIN_ENTRIES = 6


def load(files: Mapping[str, str], on: date | None = None) -> Pack:
    """The pack made of these files (path within the catalogue, with `/`, to text).

    Of an item with several versions the pack holds the one in force `on` that day; without a
    day, the last. Raises `CatalogueErrors` with every finding.
    """
    findings = Findings()
    pack = _Catalogue(files, findings, on).read()
    if len(findings) or pack is None:
        raise CatalogueErrors(findings.all())
    return pack


def turns(files: Mapping[str, str]) -> tuple[date, ...]:
    """The days on which an item goes over to a version that was prepared ahead; mostly none.

    From one of them to the next a catalogue says the same. Raises nothing: what is wrong with
    a file is for `load` to say.
    """
    paths: dict[str, list[str]] = {}
    for path in files:
        if _place(path) == "items":
            paths.setdefault(_stem(path).partition(".")[0], []).append(path)
    found: set[date] = set()
    for several in (one for one in paths.values() if len(one) > 1):
        begun = {_begins(path, files[path]) for path in several}
        found |= begun - {min(begun)}
    return tuple(sorted(found))


def _begins(path: str, text: str) -> date:
    """The first day of one item file; an early one when it says none."""
    quiet = Findings()
    node = parse(path, text, quiet)
    at = At(quiet, path, "", node).table().find("effective") if node else None
    return at.table().take("from", At.date, date.min) if at else date.min


class _Catalogue:
    """Reads all files in the order of what refers to what."""

    def __init__(self, files: Mapping[str, str], findings: Findings, on: date | None) -> None:
        self._files = files
        self._on = on
        self._findings = findings
        self._places: dict[str, tuple[str, int]] = {}

    def read(self) -> Pack | None:
        groups = self._list(GROUPS, _group)
        departments = {one.id: one for one in self._list(DEPARTMENTS, _department)}
        materials = {
            one.id: one for one in self._list(MATERIALS, MaterialReader().read, needed=False)
        }
        fields = {one.key: one for one in self._list(FIELDS, FieldReader().read, needed=False)}
        shared = Shared(
            frozenset(one.id for one in groups),
            frozenset(departments),
            frozenset(
                _stem(path).partition(".")[0].upper()
                for path in self._files
                if _place(path) == "items"
            ),
            self._places,
            materials,
            fields,
        )
        items = self._items(shared)
        matters: dict[str, Matter] = {code: of_item(item) for code, item in items.items()}
        bundles = self._bundles(shared, items, matters)
        promised = {path[8:-5].upper() for path in self._files if _place(path) == "bundles"}
        known = {*items, *matters, *shared.codes, *promised}
        plain = self._list(PLAIN, lambda at: _plain(at, known))
        self._check_plain(plain)
        self._check_shared_fields(items, fields)
        for path in sorted(self._files):
            if path not in _SHARED and not _place(path):
                self._findings.add(
                    Rule.STRAY_FILE,
                    path,
                    0,
                    "",
                    "this file does not belong here",
                    f"{', '.join(_SHARED)}, items/*.yaml or bundles/*.yaml",
                )
        if len(self._findings):
            return None
        content = (groups, sorted(departments.values(), key=lambda one: one.id), plain)
        return Pack(
            hash=digest((content, list(items.values()), list(bundles.values()))),
            groups=tuple(groups),
            departments=departments,
            plain=tuple(plain),
            items=items,
            bundles=bundles,
            matters=matters,
            places=self._places,
        )

    def _root(self, path: str) -> At | None:
        node = parse(path, self._files[path], self._findings)
        return At(self._findings, path, "", node) if node is not None else None

    def _list(self, path: str, how: Callable[[At], NamedT], *, needed: bool = True) -> list[NamedT]:
        if path not in self._files:
            if not needed:
                return []
            self._findings.add(Rule.MISSING_FILE, path, 0, "", "this file is missing", "add it")
            return []
        root = self._root(path)
        found = [how(at) for at in root.parts(least=1)] if root else []
        ids = [_name(one) for one in found]
        for index, one in enumerate(ids):
            if one and one in ids[:index] and root:
                root.parts()[index].report(
                    Rule.DUPLICATE_ID, f"'{one}' is already there", "another id"
                )
        return found

    def _items(self, shared: Shared) -> dict[str, Item]:
        versions: dict[str, list[tuple[Item, At, dict[str, tuple[str, int]]]]] = {}
        for path in sorted(path for path in self._files if _place(path) == "items"):
            root = self._root(path)
            places: dict[str, tuple[str, int]] = {}
            item = ItemReader(root, replace(shared, places=places)).read() if root else None
            if root and item and item.code:
                _same_name(root, item)
                versions.setdefault(item.code, []).append((item, root, places))
        items: dict[str, Item] = {}
        for code, found in sorted(versions.items()):
            found.sort(key=lambda one: one[0].effective_from)
            for (earlier, *_), (later, root, _) in pairwise(found):
                _follow(root, earlier, later)
            begun = [one for one in found if self._on and one[0].effective_from <= self._on]
            items[code], _, places = begun[-1] if begun else found[0 if self._on else -1]
            self._places.update(places)
        return items

    def _bundles(
        self, shared: Shared, items: Mapping[str, Item], matters: dict[str, Matter]
    ) -> dict[str, Bundle]:
        bundles: dict[str, Bundle] = {}
        for path in sorted(path for path in self._files if _place(path) == "bundles"):
            root = self._root(path)
            before = len(self._findings)
            bundle = bundle_of(root, shared, items) if root else None
            if not (root and bundle and bundle.code):
                continue
            name = root.file.rpartition("/")[2]
            if name != f"{bundle.code.lower()}.yaml":
                _report_name(root, bundle.code, f"{bundle.code.lower()}.yaml")
            if bundle.code in items or bundle.code in bundles:
                root.report(Rule.DUPLICATE_ID, f"{bundle.code} is already used", "another code")
            bundles.setdefault(bundle.code, bundle)
            if len(self._findings) == before and items.keys() >= set(bundle.items):
                matter, problems = of_bundle(bundle, [items[code] for code in bundle.items])
                for rule, key, message in problems:
                    line = self._places.get(f"{bundle.code}/{key}", (path, root.line))[1]
                    self._findings.add(rule, path, line, key, message, "make them the same")
                if matter:
                    matters[bundle.code] = matter
        return dict(sorted(bundles.items()))

    def _check_plain(self, plain: list[PlainEntry]) -> None:
        """Large mode has six entries; the last, and only it, opens the search."""
        if not plain:
            return
        if len(plain) != PLAIN_ENTRIES or [bool(one.codes) for one in plain] != [True] * (
            PLAIN_ENTRIES - 1
        ) + [False]:
            self._findings.add(
                Rule.PLAIN,
                PLAIN,
                1,
                "",
                f"{len(plain)} entries, {sum(not one.codes for one in plain)} without codes",
                f"{PLAIN_ENTRIES} entries; the last, and only it, has codes: []",
            )

    def _check_shared_fields(
        self, items: Mapping[str, Item], library: Mapping[str, FormField]
    ) -> None:
        """A field's key has one meaning everywhere: an answer given once may be offered again."""
        first = {key: (FIELDS, one) for key, one in library.items()}
        for code, item in items.items():
            for one in item.form:
                other, known = first.setdefault(one.key, (code, one))
                if known.kind != one.kind:
                    file, line = self._places.get(f"{code}/form/{one.key}", ("", 0))
                    self._findings.add(
                        Rule.CONFLICT,
                        file,
                        line,
                        f"form.{one.key}",
                        f"'{one.key}' is {one.kind.value} here but {known.kind.value} in {other}",
                        "one key, one meaning: use another key",
                    )


NamedT = TypeVar("NamedT", Group, Department, PlainEntry, Material, FormField)


def _name(one: Group | Department | PlainEntry | Material | FormField) -> str:
    return one.key if isinstance(one, FormField) else one.id


def _place(path: str) -> str:
    """ "items" or "bundles" for a file that belongs there, else ""."""
    directory, _, name = path.partition("/")
    right = directory in ("items", "bundles") and name.endswith(".yaml") and "/" not in name
    return directory if right else ""


def _stem(path: str) -> str:
    """A file's name without directory and ending."""
    return path.rpartition("/")[2].removesuffix(".yaml")


def _same_name(root: At, item: Item) -> None:
    """A file is named by its code; a further version by code and version."""
    code = item.code.lower()
    if _stem(root.file) not in (code, f"{code}.v{item.version}"):
        _report_name(root, item.code, f"{code}.yaml or {code}.v{item.version}.yaml")


def _report_name(root: At, code: str, wanted: str) -> None:
    root.report(Rule.FILE_NAME, f"the code is {code}", f"call the file {wanted}")


def _follow(root: At, earlier: Item, later: Item) -> None:
    """Two files of one code are versions of which one ends before the next begins."""
    if earlier.version == later.version:
        root.report(Rule.DUPLICATE_ID, f"{later.code} is already used", "another code or version")
    elif earlier.effective_until is None or earlier.effective_until >= later.effective_from:
        end = earlier.effective_until or "no end"
        at = root.table().find("effective") or root
        at.report(
            Rule.VALIDITY,
            f"version {earlier.version} is in force until {end}, this one from "
            f"{later.effective_from}",
            "let the one end on the day before the next begins",
        )


def _group(at: At) -> Group:
    fields = at.table()
    group = Group(fields.take("id", slug, ""), fields.take("name", text, EMPTY), "")
    mark = fields.need("mark")
    sign = mark.string() if mark else ""
    if mark and len(sign) != 1:
        mark.report(Rule.BAD_TEXT, f"'{sign[:20]}' is not one character", "one character")
    fields.finish()
    return Group(group.id, group.name, sign[:1])


def _department(at: At) -> Department:
    fields = at.table()
    department = Department(
        fields.take("id", slug, ""),
        fields.take("name", text, EMPTY),
        fields.take("phone", phone, ""),
    )
    fields.finish()
    return department


def _plain(at: At, codes_known: set[str]) -> PlainEntry:
    fields = at.table()
    codes = fields.take("codes", lambda one: one.parts(), [])
    entry = PlainEntry(
        fields.take("id", slug, ""),
        fields.take("name", text, EMPTY),
        fields.option("hint", text, None),
        tuple(code.one_of(sorted(codes_known), Rule.UNKNOWN_ITEM) for code in codes),
    )
    fields.finish()
    return entry
