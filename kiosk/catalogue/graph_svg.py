"""Draws the graph of an item as SVG, to be read by people who write policy.

Left to right: a box for each question with its answers as rows; from each row a line to what
comes next; situations in colours that are named as well. Lines that pass a column have their
own lane in it, so that none runs under a box. No text is ever wider than its box.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from xml.sax.saxutils import escape

from kiosk.catalogue.graph import Answers, Asks, Ends, Graph
from kiosk.catalogue.model import Material, Matter, Text

_BOX_PX: Final = 236
_COLUMN_PX: Final = 330
_PAD_PX: Final = 10
_GAP_PX: Final = 22
_LANE_PX: Final = 8
_MARGIN_PX: Final = 32
_HEAD_PX: Final = 118
_TITLE_SIZE: Final = 15
_TEXT_SIZE: Final = 13
_SMALL_SIZE: Final = 11.5
_LEADING: Final = 1.38
_FONTS: Final = "'WenQuanYi Micro Hei','Noto Sans CJK SC','Microsoft YaHei',sans-serif"
_INK, _SOFT, _LINE = "#1d2b28", "#5a6b66", "#7f918b"
_COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "accept": ("#e2f1e8", "#1e6b4f"),
    "counter": ("#fdf0da", "#9a5b00"),
    "not-possible": ("#fae3e0", "#9c2f24"),
}
_SWEEPS: Final = 12
_OR: Final = " / "  # between answers with which one goes the same way
_ANY_OF: Final = "/"  # between options of which it is the same which are chosen


def draw(graph: Graph, matter: Matter, words: Mapping[str, str], language: str, note: str) -> str:
    """The SVG. `words` has the texts of `graph.*`; `note` says version and date."""
    return _Drawing(graph, matter, words, language).svg(note)


@dataclass(slots=True)
class _Line:
    text: str
    size: float
    bold: bool = False
    ink: str = _INK


@dataclass(slots=True)
class _Row:
    """An answer within a box, or a plain part of it."""

    lines: list[_Line]
    to: int | None = None
    y: float = 0.0

    @property
    def height(self) -> float:
        return sum(one.size * _LEADING for one in self.lines) + 9


@dataclass(slots=True)
class _Box:
    """A box, or (without rows) the lane of a line through a column."""

    layer: int
    rows: list[_Row] = field(default_factory=list)
    result: str = ""
    y: float = 0.0
    into: list[tuple[int, int]] = field(default_factory=list)  # (box, row) that lead here
    out: list[int] = field(default_factory=list)

    @property
    def height(self) -> float:
        return sum(one.height for one in self.rows) if self.rows else _LANE_PX


class _Drawing:
    """One drawing: texts, then layers, then places, then lines."""

    def __init__(
        self, graph: Graph, matter: Matter, words: Mapping[str, str], language: str
    ) -> None:
        self._graph = graph
        self._matter = matter
        self._words = words
        self._language = language
        self._boxes: list[_Box] = []
        self._columns: list[list[int]] = []
        self._links: list[tuple[int, int, list[int]]] = []  # box, row, then boxes on the way
        self._build()
        self._order()
        self._place()

    # -- texts

    def _say(self, text: Text) -> str:
        return text.in_(self._language)

    def _word(self, key: str, **values: object) -> str:
        return self._words[f"graph.{key}"].format(**values)

    def _question(self, one: Asks) -> str:
        if one.question is not None:
            return self._say(one.question.text)
        role, _, fact = one.key.partition(".")
        names = {party.role: self._say(party.name) for party in self._matter.parties}
        return self._word("fact", who=names.get(role, role), what=self._words[f"graph.{fact}"])

    def _answer(self, one: Asks, answers: Answers) -> list[str]:
        question = one.question
        texts = (
            {option.id: self._say(option.text) for option in question.options} if question else {}
        )
        unit = f" {self._say(question.unit)}" if question and question.unit else ""
        said = [texts.get(name) or self._named(one.key, name) for name in answers.options]
        said += [
            self._word("and").join(
                _ANY_OF.join(texts[one] for one in answers.alike[name])
                for name in texts
                if name in chosen
            )
            for chosen in answers.sets
        ]
        said += [self._range(low, high) + unit for low, high in answers.ranges]
        return said

    def _named(self, key: str, name: str) -> str:
        if name in ("true", "false"):
            return self._word("yes" if name == "true" else "no")
        return self._words.get(f"graph.{key.partition('.')[2]}.{name}", name)

    def _range(self, low: int | date | None, high: int | date | None) -> str:
        if low is None and high is None:
            return self._word("any")
        if low is None:
            return self._word("at-most", high=high)
        if high is None:
            return self._word("at-least", low=low)
        return str(low) if low == high else self._word("between", low=low, high=high)

    # -- boxes and lanes

    def _build(self) -> None:
        layers = self._layers()
        ends: dict[tuple[int, int], int] = {}  # an end is drawn again in each column that needs it
        numbers: dict[int, int] = {}
        for number, node in enumerate(self._graph.nodes):
            if isinstance(node, Asks):
                numbers[number] = self._add(_Box(layers[number], self._asking(node)))
            elif number == 0:
                numbers[number] = self._add(self._ending(node, 0))
        for number, node in enumerate(self._graph.nodes):
            if not isinstance(node, Asks):
                continue
            for row, answers in enumerate(node.answers, start=1):
                target = self._graph.nodes[answers.to]
                layer = layers[number] + 1
                if isinstance(target, Ends):
                    key = (answers.to, layer)
                    if key not in ends:
                        ends[key] = self._add(self._ending(target, layer))
                    self._link(numbers[number], row, ends[key])
                else:
                    self._link(numbers[number], row, numbers[answers.to])

    def _layers(self) -> dict[int, int]:
        """The longest way from the root to each question."""
        layers = {0: 0}
        nodes = self._graph.nodes
        for _ in nodes:  # no longer way than there are nodes
            changed = False
            for number, node in enumerate(nodes):
                if number not in layers or not isinstance(node, Asks):
                    continue
                for answers in node.answers:
                    if layers.get(answers.to, -1) < layers[number] + 1:
                        layers[answers.to] = layers[number] + 1
                        changed = True
            if not changed:
                break
        return layers

    def _add(self, box: _Box) -> int:
        self._boxes.append(box)
        while len(self._columns) <= box.layer:
            self._columns.append([])
        self._columns[box.layer].append(len(self._boxes) - 1)
        return len(self._boxes) - 1

    def _link(self, source: int, row: int, target: int) -> None:
        way: list[int] = []
        last, last_row = source, row
        for layer in range(self._boxes[source].layer + 1, self._boxes[target].layer):
            lane = self._add(_Box(layer))
            self._join(last, last_row, lane)
            way.append(lane)
            last, last_row = lane, 0
        self._join(last, last_row, target)
        self._links.append((source, row, [*way, target]))

    def _join(self, source: int, row: int, target: int) -> None:
        self._boxes[target].into.append((source, row))
        self._boxes[source].out.append(target)

    def _asking(self, node: Asks) -> list[_Row]:
        inner = _BOX_PX - 2 * _PAD_PX
        rows = [_Row(_wrapped(self._question(node), _TITLE_SIZE, inner, bold=True))]
        for answers in node.answers:
            text = _OR.join(self._answer(node, answers))
            rows.append(_Row(_wrapped(text, _TEXT_SIZE, inner - 10), to=answers.to))
        return rows

    def _ending(self, node: Ends, layer: int) -> _Box:
        inner = _BOX_PX - 2 * _PAD_PX
        ink = _COLOURS[node.result.value][1]
        lines = _wrapped(self._word(node.result.value), _SMALL_SIZE, inner, ink=ink)
        for code, situation in node.situations:
            name = self._say(situation.name)
            if self._matter.bundle:
                name = f"{code} {name}"
            lines += _wrapped(name, _TITLE_SIZE - 1, inner, bold=True, ink=ink)
        for key, materials in (("papers", node.always), ("papers-may", node.sometimes)):
            if materials and node.result.value != "not-possible":
                names = self._names(materials)
                lines += _wrapped(self._word(key, names=names), _SMALL_SIZE, inner, ink=_SOFT)
        return _Box(layer, [_Row(lines)], node.result.value)

    def _names(self, materials: tuple[Material, ...]) -> str:
        mark = "、" if self._language == "zh" else ", "
        return mark.join(self._say(one.name) for one in materials)

    # -- order within the columns, then heights

    def _order(self) -> None:
        """Neighbours of neighbours stand near each other: fewer lines cross."""
        place = {box: spot for column in self._columns for spot, box in enumerate(column)}
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            for column in self._columns if down else reversed(self._columns):
                column.sort(key=lambda box: self._wish(box, place, down=down))
                place.update({box: spot for spot, box in enumerate(column)})

    def _wish(self, number: int, place: Mapping[int, int], *, down: bool) -> float:
        box = self._boxes[number]
        if down:
            near = [place[source] + row / 16 for source, row in box.into]
        else:
            near = [float(place[target]) for target in box.out]
        return sum(near) / len(near) if near else float(place[number])

    def _place(self) -> None:
        for column in self._columns:
            y = 0.0
            for number in column:
                self._boxes[number].y = y
                y += self._boxes[number].height + _GAP_PX
        for sweep in range(_SWEEPS):
            forward = sweep % 2 == 0
            for column in self._columns if forward else reversed(self._columns):
                self._settle(column, self._wished_up if forward else self._wished_down)
        least = min((box.y for box in self._boxes), default=0.0)
        for box in self._boxes:
            box.y += _MARGIN_PX + _HEAD_PX - least

    def _settle(self, column: list[int], wish: Callable[[_Box], float]) -> None:
        """Each box as near to its wish as the others of its column allow."""
        wishes = [wish(self._boxes[number]) for number in column]
        groups: list[tuple[float, float, int]] = []  # sum of (wish - offset), height, boxes
        for number, y in zip(column, wishes, strict=True):
            height = self._boxes[number].height + _GAP_PX
            groups.append((y, height, 1))
            while len(groups) > 1 and _top(groups[-2]) + groups[-2][1] > _top(groups[-1]):
                total, below, count = groups.pop()
                upper, above, others = groups.pop()
                groups.append((upper + total - count * above, above + below, others + count))
        place = iter(column)
        for group in groups:
            y = _top(group)
            for _ in range(group[2]):
                box = self._boxes[next(place)]
                box.y = y
                y += box.height + _GAP_PX

    def _wished_up(self, box: _Box) -> float:
        if not box.into:
            return box.y
        ports = [self._port(source, row) for source, row in box.into]
        return sum(ports) / len(ports) - self._entry(box)

    def _wished_down(self, box: _Box) -> float:
        if not box.out:
            return box.y
        entries = [self._boxes[one].y + self._entry(self._boxes[one]) for one in box.out]
        return sum(entries) / len(entries) - box.height / 2

    def _entry(self, box: _Box) -> float:
        return min(box.height / 2, 26.0) if box.rows else _LANE_PX / 2

    def _port(self, number: int, row: int) -> float:
        box = self._boxes[number]
        if not box.rows:
            return box.y + _LANE_PX / 2
        return box.y + sum(one.height for one in box.rows[:row]) + box.rows[row].height / 2

    # -- drawing

    def svg(self, note: str) -> str:
        width = 2 * _MARGIN_PX + max(1, len(self._columns)) * _COLUMN_PX - (_COLUMN_PX - _BOX_PX)
        width = max(width, 760)
        beside = self._beside(width - 2 * _MARGIN_PX)
        bottom = max((box.y + box.height for box in self._boxes), default=0.0) + _GAP_PX
        height = bottom + sum(one.size * _LEADING for one in beside) + _MARGIN_PX
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{_FONTS}">',
            f"<title>{escape(self._say(self._matter.name))}</title>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
            *self._head(note),
            *(self._curve(*link) for link in self._links),
        ]
        for box in self._boxes:
            parts += self._drawn(box)
        parts += _texts(beside, _MARGIN_PX, bottom)
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _beside(self, width: float) -> list[_Line]:
        if not self._graph.beside:
            return []
        mark = "；" if self._language == "zh" else "; "
        names = mark.join(self._say(one.text) for one in self._graph.beside)
        return _wrapped(self._word("beside", names=names), _TEXT_SIZE, width, ink=_SOFT)

    def _head(self, note: str) -> list[str]:
        name = f"{self._matter.code}  {self._say(self._matter.name)}"
        counts = self._word(
            "counts",
            questions=len(self._matter.questions),
            situations=sum(len(one.item.situations) for one in self._matter.components),
            cases=self._graph.cases,
        )
        lines = [_Line(name, 21, True), _Line(counts, _TEXT_SIZE, False, _SOFT),
                 _Line(note, _TEXT_SIZE, False, _SOFT)]  # fmt: skip
        parts = _texts(lines, _MARGIN_PX, _MARGIN_PX - 6)
        x = float(_MARGIN_PX)
        for result, (fill, ink) in _COLOURS.items():
            text = self._word(result)
            width = _wide(text, _SMALL_SIZE) + 18
            y = _MARGIN_PX + 72
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="20" rx="6" '
                f'fill="{fill}" stroke="{ink}"/>'
            )
            parts += _texts([_Line(text, _SMALL_SIZE, False, ink)], x + 9, y + 1)
            x += width + 10
        return parts

    def _x(self, box: _Box) -> float:
        return _MARGIN_PX + box.layer * _COLUMN_PX

    def _drawn(self, box: _Box) -> list[str]:
        if not box.rows:
            return []
        x, y = self._x(box), box.y
        fill, ink = _COLOURS.get(box.result, ("#ffffff", "#1e6b64"))
        parts = [
            f'<rect x="{x}" y="{y:.1f}" width="{_BOX_PX}" height="{box.height:.1f}" rx="9" '
            f'fill="{fill}" stroke="{ink}" stroke-width="1.4"/>'
        ]
        for number, row in enumerate(box.rows):
            if number:
                parts.append(
                    f'<line x1="{x}" y1="{y:.1f}" x2="{x + _BOX_PX}" y2="{y:.1f}" '
                    'stroke="#cfdad6"/>'
                )
            parts += _texts(row.lines, x + _PAD_PX, y + 4)
            y += row.height
            if row.to is not None:
                middle = y - row.height / 2
                parts.append(f'<circle cx="{x + _BOX_PX}" cy="{middle:.1f}" r="3" fill="{ink}"/>')
        return parts

    def _curve(self, source: int, row: int, way: list[int]) -> str:
        """From a row through the lanes to the box it leads to."""
        box = self._boxes[source]
        x, y = self._x(box) + _BOX_PX, self._port(source, row)
        path = [f"M{x:.1f},{y:.1f}"]
        for number in way:
            target = self._boxes[number]
            left, high = self._x(target), target.y + self._entry(target)
            bend = (left - x) / 2
            path.append(
                f"C{x + bend:.1f},{y:.1f} {left - bend:.1f},{high:.1f} {left:.1f},{high:.1f}"
            )
            x, y = left, high
            if not target.rows:
                x += _BOX_PX
                path.append(f"L{x:.1f},{y:.1f}")
        path.append("m-7,-4 l7,4 l-7,4")
        return f'<path d="{" ".join(path)}" fill="none" stroke="{_LINE}" stroke-width="1.5"/>'


def _top(group: tuple[float, float, int]) -> float:
    return group[0] / group[2]


def _wide(text: str, size: float) -> float:
    """About how wide a text is: Han characters are square, Latin letters about half."""
    return sum(size if ord(char) > 0x2000 else size * 0.56 for char in text)


_NOT_FIRST: Final = "，。；：、？！）》”’,.;:?!)"


def _wrapped(
    text: str, size: float, width: float, *, bold: bool = False, ink: str = _INK
) -> list[_Line]:
    """Lines of a text; Latin words stay whole where they fit, no line begins with a comma."""
    lines: list[str] = [""]
    for part in _pieces(text):
        joined = lines[-1] + part
        if _wide(joined.rstrip(), size) <= width or (part in _NOT_FIRST and lines[-1]):
            lines[-1] = joined
        elif _wide(part, size) > width:
            for char in part:
                if _wide(lines[-1] + char, size) > width:
                    lines.append("")
                lines[-1] += char
        else:
            lines.append(part.lstrip())
    return [_Line(one.strip(), size, bold, ink) for one in lines if one.strip()]


def _pieces(text: str) -> list[str]:
    """Words with the blank after them, and single Han characters."""
    pieces: list[str] = []
    for char in text:
        latin = ord(char) < 0x2000
        if pieces and latin and ord(pieces[-1][-1]) < 0x2000 and pieces[-1][-1] != " ":
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _texts(lines: list[_Line], x: float, y: float) -> list[str]:
    parts = []
    for line in lines:
        y += line.size * _LEADING
        weight = ' font-weight="bold"' if line.bold else ""
        parts.append(
            f'<text x="{x:.1f}" y="{y - line.size * 0.3:.1f}" font-size="{line.size:g}"{weight} '
            f'fill="{line.ink}">{escape(line.text)}</text>'
        )
    return parts
