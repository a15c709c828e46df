"""What a new version of a catalogue changes for residents, counted over all their cases.

Promises:

- Both versions are asked about every set of answers that either of them can tell apart, so
  "in 14 of 576 cases" is exact; where an item has more than `MAX_CASES`, that is said and
  what was counted until then is given.
- What only changes words, fees, days and the like is told value by value.
- Nothing here is prose: `Change` names what changed; words are put to it elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias

from kiosk.catalogue.cuts import TooManyAnswers, Value, domains
from kiosk.catalogue.engine import Path, walk
from kiosk.catalogue.model import Condition, Matter, Pack, Text

MAX_CASES = 20_000

Shown: TypeAlias = Text | str | int | None
Case: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    `key`: "added", "withdrawn", "value" (what, old, new), or what differs in some cases:
    "material-more", "material-less", "result" (old, new), "situation" (old, new),
    "question-more", "question-less", "field-more", "field-less", "party-more", "party-less",
    "answer-more", "answer-less" (a case that only one version has). "part-more" and
    "part-less" name a part by its path, such as a review point.
    `cases` counts them, `example` is one of them.
    """

    key: str
    what: Shown = ""
    old: Shown = None
    new: Shown = None
    cases: int = 0
    example: Case | None = None


@dataclass(frozen=True, slots=True)
class MatterDiff:
    """All differences of one item or bundle. `name` is the new one, if there is one."""

    code: str
    name: Text
    changes: tuple[Change, ...]
    cases: int = 0  # in all, of both versions together
    changed: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class PackDiff:
    """All differences between two catalogues."""

    old_hash: str
    new_hash: str
    matters: tuple[MatterDiff, ...]
    shared: tuple[Change, ...]  # groups, departments


def diff(old: Pack, new: Pack) -> PackDiff:
    """What changes from `old` to `new`."""
    matters = []
    for code in sorted({*old.matters, *new.matters}):
        before, after = old.matters.get(code), new.matters.get(code)
        if before is None or after is None:
            there = after or before
            assert there is not None, "the code is from one of them"
            kind = "added" if before is None else "withdrawn"
            matters.append(MatterDiff(code, there.name, (Change(kind, there.name),)))
        else:
            found = _matter(old, new, before, after)
            if found.changes:
                matters.append(found)
    shared = [
        change
        for name in ("groups", "departments")
        for change in _values({name: getattr(old, name)}, {name: getattr(new, name)})
    ]
    return PackDiff(old.hash, new.hash, tuple(matters), tuple(shared))


def _matter(old: Pack, new: Pack, before: Matter, after: Matter) -> MatterDiff:
    values = tuple(_values(_source(old, before), _source(new, after)))
    total, changed, complete, found = 0, 0, True, _Found()
    if _deciding(before) != _deciding(after):
        try:
            for case, first, second in _cases(before, after):
                total += 1
                if total > MAX_CASES:
                    total, complete = MAX_CASES, False
                    break
                changed += found.add(case, first, second)
        except TooManyAnswers:
            complete = False
    changes = (*found.changes(), *values)
    return MatterDiff(before.code, after.name, changes, total, changed, complete)


def _source(pack: Pack, matter: Matter) -> Any:
    """Where a matter comes from: what stands in its file."""
    return pack.bundles[matter.code] if matter.bundle else pack.items[matter.code]


def _deciding(matter: Matter) -> object:
    """All on which the outcome of a case depends."""
    return (
        [(one.id, one.kind, one.options, one.when, one.minimum, one.maximum, one.earliest,
          one.latest, one.always) for one in matter.questions],
        [(c.item.code, c.include, c.item.situations, c.item.materials, c.item.form,
          c.item.parties) for c in matter.components],
    )  # fmt: skip


# -- case by case -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one version makes of a case; None in its place: the case does not exist there."""

    path: Path

    def parts(self, matter: Matter) -> dict[str, dict[str, Text | str]]:
        path = self.path
        labels = {one.key: one.label for one in matter.form}
        return {
            "material": {one.id: one.name for one in path.materials},
            "question": {one.id: one.text for one in path.asked},
            "field": {one.key: labels[one.key] for one in path.fields},
            "party": {one.role: one.name for one in path.parties},
        }


def _cases(
    old: Matter, new: Matter
) -> Iterator[tuple[Case, tuple[Matter, _Outcome | None], tuple[Matter, _Outcome | None]]]:
    """Every case that either version tells apart, with what each makes of it."""
    values = domains(old, new)
    stack: list[dict[str, Value]] = [{}]
    while stack:
        given = stack.pop()
        answers = {key: one for key, one in given.items() if "." not in key}
        facts = {key: one for key, one in given.items() if "." in key}
        paths = [walk(one, answers, facts) for one in (old, new)]  # type: ignore[arg-type]
        following = next((key for key in map(_open, paths) if key and key not in given), None)
        if following is None:
            first, second = (None if _open(one) else _Outcome(one) for one in paths)
            if first or second:
                yield given, (old, first), (new, second)
            continue
        stack.extend({**given, following: one} for one in reversed(values[following]))


def _open(path: Path) -> str:
    """The question or fact that comes next, "" when the case is complete."""
    if path.next is not None:
        return path.next.id
    return path.missing_facts[0] if path.missing_facts else ""


class _Found:
    """Counts what differs, over all cases."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}
        self._shown: dict[tuple[str, str, str], tuple[Shown, Shown, Shown, Case]] = {}

    def add(
        self,
        case: Case,
        first: tuple[Matter, _Outcome | None],
        second: tuple[Matter, _Outcome | None],
    ) -> bool:
        """Look at one case; True when it changes."""
        before = len(self._counts), sum(self._counts.values())
        (old_matter, old), (new_matter, new) = first, second
        if old is None or new is None:
            self._note(("answer-less" if new is None else "answer-more", "", ""), case)
            return True
        self._results(case, old_matter, old.path, new.path)
        if old.path.result is not new.path.result:
            return True  # what was asked for on the way to another end is no news
        was, will = old.parts(old_matter), new.parts(new_matter)
        for kind in was:
            for key, name in will[kind].items():
                if key not in was[kind]:
                    self._note((f"{kind}-more", key, ""), case, name)
            for key, name in was[kind].items():
                if key not in will[kind]:
                    self._note((f"{kind}-less", key, ""), case, name)
        return before != (len(self._counts), sum(self._counts.values()))

    def _results(self, case: Case, matter: Matter, old: Path, new: Path) -> None:
        names = {one.item.code: one.item.name for one in matter.components}
        was, will = dict(old.situations), dict(new.situations)
        for code in sorted({*was, *will}):
            first, second = was.get(code), will.get(code)
            results = [one.result.value if one else "none" for one in (first, second)]
            if results[0] != results[1]:
                key = ("result", f"{code} {results[0]}", results[1])
                self._note(key, case, names.get(code, code), *results)
            elif first and second and first.id != second.id:
                key = ("situation", f"{code} {first.id}", second.id)
                self._note(key, case, names.get(code, code), first.name, second.name)

    def _note(
        self,
        key: tuple[str, str, str],
        case: Case,
        what: Shown = "",
        old: Shown = None,
        new: Shown = None,
    ) -> None:
        self._counts[key] = self._counts.get(key, 0) + 1
        self._shown.setdefault(key, (what, old, new, case))

    def changes(self) -> tuple[Change, ...]:
        """What was found, what concerns most cases first within its kind."""
        order = sorted(self._counts, key=lambda key: (_ORDER.index(key[0]), -self._counts[key]))
        made = []
        for key in order:
            what, old, new, case = self._shown[key]
            made.append(Change(key[0], what, old, new, self._counts[key], case))
        return tuple(made)


_ORDER = (
    "result",
    "material-more",
    "material-less",
    "situation",
    "question-more",
    "question-less",
    "field-more",
    "field-less",
    "party-more",
    "party-less",
    "answer-more",
    "answer-less",
)


# -- value by value -----------------------------------------------------------------------

_NAMES = ("id", "key", "role", "code")  # by which parts of a list are known
_UNTOLD = frozenset({"use_rank", "aliases", "version"})  # nothing that a resident sees


def _values(old: Any, new: Any) -> Iterator[Change]:
    """Texts, numbers and the like that differ, by the path of their fields.

    Conditions are left out: what they change is counted case by case. So are questions,
    materials and the like that are new or gone. Of another part that is new or gone (a
    review point, a note) only that is told.
    """
    was, will = dict(_leaves(old, "")), dict(_leaves(new, ""))
    told: set[str] = set()
    for path in sorted({*was, *will}):
        first, second = was.get(path, _ABSENT), will.get(path, _ABSENT)
        if first == second or path.rpartition(".")[2] in _UNTOLD:
            continue
        if first is _ABSENT or second is _ABSENT:
            here, other = (was, will) if second is _ABSENT else (will, was)
            part = _alone(path, other)
            if part in told or _COUNTED.fullmatch(part):
                continue
            if part:
                told.add(part)
                key = "part-less" if second is _ABSENT else "part-more"
                yield Change(key, part, _shown(here[path]))
                continue
        yield Change("value", path, _shown(first), _shown(second))


_ABSENT: Any = object()
_COUNTED = re.compile(r"(questions|materials|form|situations|parties)\[[^\]]+\]")


def _alone(path: str, other: Mapping[str, Any]) -> str:
    """The outermost part around a leaf that the other version does not have, or ""."""
    for end in (place + 1 for place, char in enumerate(path) if char == "]"):
        if not any(key.startswith(path[:end]) for key in other):
            return path[:end]
    return ""


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Text) or value is None:
        yield path, value
    elif isinstance(value, Condition):
        return
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from _leaves(getattr(value, one.name), f"{path}.{one.name}" if path else one.name)
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _leaves(value[key], f"{path}[{key}]" if path else str(key))
    elif isinstance(value, (tuple, list)) and any(is_dataclass(one) for one in value):
        for number, one in enumerate(value):
            yield from _leaves(one, f"{path}[{_named(one, number)}]")
    else:
        yield path, value


def _named(one: Any, number: int) -> str:
    return next((str(getattr(one, name)) for name in _NAMES if hasattr(one, name)), str(number + 1))


def _shown(value: Any) -> Shown:
    if value is _ABSENT or value is None:
        return None
    if isinstance(value, (Text, int)) and not isinstance(value, bool):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
