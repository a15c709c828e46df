"""Puts words to what changed between two catalogues, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from config.words import Words
from kiosk.catalogue.cuts import Value
from kiosk.catalogue.diff import Case, Change, MatterDiff, PackDiff, Shown
from kiosk.catalogue.model import Matter, Pack, Question, QuestionKind, Text

_WHOLE: Final = ("added", "withdrawn")


class DiffWords:
    """Tells a `PackDiff` in one language. Questions are named in the words of either pack."""

    def __init__(self, old: Pack, new: Pack, words: Words, language: str) -> None:
        self._old, self._new = old, new
        self._words = words
        self._language = language

    def text(self, found: PackDiff) -> str:
        """All of it, for reading."""
        if not found.matters and not found.shared:
            return self._say("same") + "\n"
        kinds = [matter.changes[0].key for matter in found.matters]
        added, withdrawn = (kinds.count(kind) for kind in _WHOLE)
        changed = len(kinds) - added - withdrawn
        lines = [self._say("summary", changed=changed, added=added, withdrawn=withdrawn)]
        for matter in found.matters:
            lines += ["", *self._matter(matter)]
        if found.shared:
            lines += ["", self._say("shared"), *(f"  {self._change(one)}" for one in found.shared)]
        return "\n".join(lines) + "\n"

    def _matter(self, found: MatterDiff) -> Iterator[str]:
        name = f"{found.code} {found.name.in_(self._language)}"
        if found.changes[0].key in _WHOLE:
            yield f"{name}: {self._say(found.changes[0].key)}"
            return
        yield name
        if found.cases:
            key = "cases" if found.changed else "cases.none"
            key = key if found.complete else "cases.many"
            yield f"  {self._say(key, total=found.cases, changed=found.changed)}"
        shown: list[Case] = []
        for change in found.changes:
            yield f"  - {self._change(change)}"
            if change.example and change.example not in shown:
                shown.append(change.example)
                yield f"      {self._say('example', case=self.case(found.code, change.example))}"

    def _change(self, change: Change) -> str:
        old, new = (self._value(change, one) for one in (change.old, change.new))
        what = self._shown(change.what)
        if change.key == "value":
            what = self._label(what)
        return self._say(change.key, cases=change.cases, what=what, old=old, new=new)

    def _value(self, change: Change, value: Shown) -> str:
        if change.key == "result":
            return self._say(f"result.{value}")
        if value in ("true", "false"):
            return self._say("yes" if value == "true" else "no")
        return self._say("nothing") if value in (None, "") else self._shown(value)

    def _label(self, path: str) -> str:
        key = f"diff.field.{path}"
        return self._words.text(key, self._language) if self._words.has(key) else path

    def _shown(self, value: Shown) -> str:
        return value.in_(self._language) if isinstance(value, Text) else str(value)

    def _say(self, key: str, **values: object) -> str:
        return self._words.text(f"diff.{key}", self._language, **values)

    # -- one case, in the words of its questions

    def case(self, code: str, case: Case) -> str:
        """Answers as they would be read on the screen."""
        versions = [pack.matters[code] for pack in (self._new, self._old) if code in pack.matters]
        mark = "；" if self._language == "zh" else "; "
        return mark.join(self._answer(versions, key, value) for key, value in case.items())

    def _answer(self, versions: list[Matter], key: str, value: Value) -> str:
        for matter in versions:
            for question in matter.questions:
                if question.id == key:
                    return f"{question.text.in_(self._language)} {self._said(question, value)}"
        return f"{key} = {value_text(value)}"

    def _said(self, question: Question, value: Value) -> str:
        if question.kind is QuestionKind.YES_NO:
            return self._say("yes" if value else "no")
        chosen = value if isinstance(value, frozenset) else {value}
        texts = [one.text.in_(self._language) for one in question.options if one.id in chosen]
        if texts:
            return ("、" if self._language == "zh" else ", ").join(texts)
        unit = f" {question.unit.in_(self._language)}" if question.unit else ""
        return f"{value_text(value)}{unit}"

    # -- for programs

    def plain(self, found: PackDiff) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "old": found.old_hash,
            "new": found.new_hash,
            "matters": [
                {
                    "code": matter.code,
                    "name": _plain(matter.name),
                    "cases": matter.cases,
                    "changed": matter.changed,
                    "complete": matter.complete,
                    "changes": [_change(one) for one in matter.changes],
                }
                for matter in found.matters
            ],
            "shared": [_change(one) for one in found.shared],
        }


def _change(change: Change) -> dict[str, Any]:
    made: dict[str, Any] = {"key": change.key, "what": _plain(change.what)}
    if change.old is not None or change.new is not None:
        made |= {"old": _plain(change.old), "new": _plain(change.new)}
    if change.cases:
        made["cases"] = change.cases
    if change.example is not None:
        made["example"] = {key: _plain(value) for key, value in change.example.items()}
    return made


def _plain(value: Shown | Value) -> Any:
    if isinstance(value, Text):
        return {"zh": value.zh, "en": value.en}
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, date) else value


def value_text(value: Value) -> str:
    """An answer or fact without its question."""
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
