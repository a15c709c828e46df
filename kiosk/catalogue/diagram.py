"""Decision diagrams over the answers and facts of one matter: sets of cases, exactly.

A diagram node stands for a set of cases. Each level is one question or fact with its few
distinguishable values, and `None` where it may be left out (a question that is not asked, a
fact of somebody who takes no part). Nodes are shared, so a set of millions of cases takes a
few hundred of them, and two equal sets are the same number.

Promises: every operation is exact; work is bounded by `MAX_STEPS`, beyond which `TooLarge`
is raised and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from kiosk.catalogue.conditions import Known, compiled
from kiosk.catalogue.model import Answer, Condition, Fact

Set: TypeAlias = int
"""A set of cases: the number of its node."""

Value: TypeAlias = Answer | Fact | None

NOTHING: Final[Set] = 0
EVERYTHING: Final[Set] = 1
MAX_STEPS = 1_000_000  # of one matter; a few seconds

_AND, _OR, _MINUS = 0, 1, 2


class TooLarge(Exception):
    """The limit of work was reached."""


class Diagram:
    """All sets of cases over some levels, given as (key, its values)."""

    def __init__(self, levels: Sequence[tuple[str, tuple[Value, ...]]]) -> None:
        self.keys = tuple(key for key, _ in levels)
        self.values = tuple(values for _, values in levels)
        self._level_of = {key: index for index, key in enumerate(self.keys)}
        self._last = len(levels)
        self._levels = [self._last, self._last]
        self._kids: list[tuple[Set, ...]] = [(), ()]
        self._nodes: dict[tuple[int, tuple[Set, ...]], Set] = {}
        self._done: dict[tuple[int, Set, Set], Set] = {}
        self._apart: set[tuple[Set, Set]] = set()
        self._of: dict[Condition, Set] = {}
        self._steps = 0

    def of(self, condition: Condition) -> Set:
        """The cases in which a condition is true. Every key of it has a level."""
        known = self._of.get(condition)
        if known is None:
            known = self._of[condition] = self._made(condition)
        return known

    def _made(self, condition: Condition) -> Set:
        if condition.op == "always":
            return EVERYTHING
        if condition.op in ("all", "any", "not"):
            parts = [self.of(part) for part in condition.parts]
            if condition.op == "any":
                return self.any(parts)
            joined = self.all(parts)
            return joined if condition.op == "all" else self.minus(EVERYTHING, joined)
        test = compiled(condition, _ZERO).test
        return self.where(condition.key, test)

    def where(self, key: str, test: object) -> Set:
        """The cases in which the value of a level passes a test of what is known."""
        level = self._level_of[key]
        known: list[Known] = [{key: value} for value in self.values[level]]
        return self._node(level, tuple([1 if test(one) else 0 for one in known]))  # type: ignore[operator]

    def left_out(self, key: str) -> Set:
        """The cases in which a question is not asked, or a fact has nobody."""
        level = self._level_of[key]
        return self._node(level, tuple([int(value is None) for value in self.values[level]]))

    def all(self, sets: Iterable[Set]) -> Set:
        """The cases in all of these."""
        result = EVERYTHING
        for one in sets:
            result = self.both(result, one)
        return result

    def any(self, sets: Iterable[Set]) -> Set:
        """The cases in any of these."""
        result = NOTHING
        for one in sets:
            result = self.either(result, one)
        return result

    def both(self, first: Set, second: Set) -> Set:
        """The cases in both."""
        return self._apply(_AND, first, second)

    def either(self, first: Set, second: Set) -> Set:
        """The cases in either."""
        return self._apply(_OR, first, second)

    def minus(self, first: Set, second: Set) -> Set:
        """The cases in the first that are not in the second."""
        return self._apply(_MINUS, first, second)

    def meet(self, first: Set, second: Set) -> bool:
        """True when some case is in both; cheaper than building what they share."""
        if NOTHING in (first, second):
            return False
        if first == second or EVERYTHING in (first, second):
            return True
        pair = (first, second) if first < second else (second, first)
        if pair in self._apart:
            return False
        self._step()
        ones, others = self._pair(first, second)
        for one, other in zip(ones, others, strict=True):
            if self.meet(one, other):
                return True
        self._apart.add(pair)
        return False

    def one_of(self, cases: Set) -> dict[str, Value] | None:
        """One case of the set, as far as it matters; None when the set is empty."""
        if cases == NOTHING:
            return None
        found: dict[str, Value] = {}
        while cases != EVERYTHING:
            level = self._levels[cases]
            kids = self._kids[cases]
            index = next(n for n, kid in enumerate(kids) if kid != NOTHING)
            found[self.keys[level]] = self.values[level][index]
            cases = kids[index]
        return found

    def count(self, cases: Set) -> int:
        """How many cases are in the set."""
        counts = {NOTHING: 0, EVERYTHING: 1}
        # A node is always made after its kids, so their numbers are smaller.
        for node in sorted(self._below(cases)):
            level = self._levels[node]
            counts[node] = sum(
                counts[kid] * self._free(level + 1, self._levels[kid]) for kid in self._kids[node]
            )
        return counts[cases] * self._free(0, self._levels[cases])

    def _free(self, begin: int, end: int) -> int:
        """How many ways there are to fill the levels between, which do not matter."""
        ways = 1
        for level in range(begin, end):
            ways *= len(self.values[level])
        return ways

    def _below(self, cases: Set) -> set[Set]:
        found: set[Set] = set()
        waiting = [cases]
        while waiting:
            node = waiting.pop()
            if node > EVERYTHING and node not in found:
                found.add(node)
                waiting.extend(self._kids[node])
        return found

    def _node(self, level: int, kids: tuple[Set, ...]) -> Set:
        first = kids[0]
        if kids.count(first) == len(kids):
            return first
        known = self._nodes.get((level, kids))
        if known is None:
            known = self._nodes[level, kids] = len(self._kids)
            self._kids.append(kids)
            self._levels.append(level)
        return known

    def _pair(self, first: Set, second: Set) -> tuple[tuple[Set, ...], tuple[Set, ...]]:
        """The kids of both at the upper of their levels."""
        one, other = self._levels[first], self._levels[second]
        if one == other:
            return self._kids[first], self._kids[second]
        if one < other:
            kids = self._kids[first]
            return kids, (second,) * len(kids)
        kids = self._kids[second]
        return (first,) * len(kids), kids

    def _apply(self, how: int, first: Set, second: Set) -> Set:
        if how == _MINUS:
            if first in (second, NOTHING) or second == EVERYTHING:
                return NOTHING
            if second == NOTHING:
                return first
        else:
            if first == second:
                return first
            if first > second:
                first, second = second, first
            if first == NOTHING:
                return NOTHING if how == _AND else second
            if first == EVERYTHING:
                return second if how == _AND else EVERYTHING
        key = (how, first, second)
        known = self._done.get(key)
        if known is not None:
            return known
        self._step()
        level = min(self._levels[first], self._levels[second])
        ones, others = self._pair(first, second)
        made = self._node(
            level, tuple([self._apply(how, a, b) for a, b in zip(ones, others, strict=True)])
        )
        self._done[key] = made
        return made

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooLarge


class _Zero(dict[str, int]):
    """Bits are of no interest here: every key has none."""

    def __missing__(self, key: str) -> int:
        return 0


_ZERO: Mapping[str, int] = _Zero()
