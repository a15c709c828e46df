"""The drawing of an item: every case is a way through it, and nothing overlaps."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from catalogue_sample import FILES
from shipped import shipped_pack as shipped

from config.words import load_words
from kiosk.catalogue import graph as graphs
from kiosk.catalogue.cuts import Value, domains
from kiosk.catalogue.engine import walk
from kiosk.catalogue.graph import Answers, Asks, Ends, Graph, TooLarge, graph_of, outline
from kiosk.catalogue.graph_svg import _wide, _wrapped, draw
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Matter
from kiosk.cli import main

PACK = load(FILES)
SVG = "{http://www.w3.org/2000/svg}"


def cases(matter: Matter, given: dict[str, Value] | None = None) -> Iterator[dict[str, Value]]:
    given = given or {}
    path = walk(
        matter,
        {key: one for key, one in given.items() if "." not in key},
        {key: one for key, one in given.items() if "." in key},  # type: ignore[misc]
    )
    key = path.next.id if path.next else next(iter(path.missing_facts), "")
    if not key:
        yield given
        return
    for value in domains(matter)[key]:
        yield from cases(matter, {**given, key: value})


def takes(answers: Answers, value: Value) -> bool:
    if isinstance(value, frozenset):
        return value in answers.sets
    if isinstance(value, (bool, str)):
        return (str(value).lower() if isinstance(value, bool) else value) in answers.options
    return any(
        (low is None or value >= low) and (high is None or value <= high)  # type: ignore[operator]
        for low, high in answers.ranges
    )


def end_of(graph: Graph, case: dict[str, Value]) -> Ends:
    node = graph.nodes[0]
    while isinstance(node, Asks):
        (answers,) = [one for one in node.answers if takes(one, case[node.key])]
        node = graph.nodes[answers.to]
    return node


@pytest.mark.parametrize("code", ["TRV-001", "PEN-001", "CRT-001", "BUN-001"])
def test_every_case_ends_where_the_engine_says(code: str) -> None:
    matter = PACK.matters[code]
    graph = graph_of(matter)
    count = 0
    for case in cases(matter):
        count += 1
        path = walk(
            matter,
            {key: one for key, one in case.items() if "." not in key},
            {key: one for key, one in case.items() if "." in key},  # type: ignore[misc]
        )
        end = end_of(graph, case)
        assert end.situations == path.situations
        needed = {one.id for one in path.materials}
        assert {one.id for one in end.always} <= needed
        assert needed <= {one.id for one in (*end.always, *end.sometimes)}
    assert graph.cases == count


def test_numbers_between_the_limits_are_in_one_interval() -> None:
    graph = graph_of(PACK.matters["PEN-001"])
    root = graph.nodes[0]
    assert isinstance(root, Asks)
    assert [one.ranges for one in root.answers] == [((None, 49),), ((50, None),)]
    assert {one.id for one in graph_of(PACK.matters["TRV-001"]).beside} == {
        "kin", "months", "permit_until", "lost",
    }  # fmt: skip
    assert graphs._before(date(2026, 1, 1)) == date(2026, 1, 1) - timedelta(days=1)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_answer_is_on_the_drawing(language: str) -> None:
    """Also those that lead to the same: whoever reads it looks for each."""
    words = load_words()
    for code in ("GSH-007", "FC-005", "CRJ-001"):
        matter = shipped().matters[code]
        graph = graph_of(matter)
        text = draw(graph, matter, words.en if language == "en" else words.zh, language, "v1")
        said = "".join("".join(ET.fromstring(text).itertext()).split())
        for node in graph.nodes:
            if isinstance(node, Asks) and node.question is not None:
                for option in node.question.options:
                    assert "".join(option.text.in_(language).split()) in said, (code, option.id)


def test_too_many_cases_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MAX_CASES", 5)
    with pytest.raises(TooLarge):
        graph_of(PACK.matters["TRV-001"])


def test_a_large_bundle_is_drawn_as_which_of_its_items_take_part() -> None:
    matter = PACK.matters["BUN-001"]
    graph = graph_of(outline(matter))
    sets = [
        {code for code, _ in one.situations} for one in graph.nodes if isinstance(one, graphs.Ends)
    ]
    assert {frozenset(one) for one in sets} == {
        frozenset({"PEN-001"}),
        frozenset({"PEN-001", "TRV-001"}),
    }
    assert [one.key for one in graph.nodes if isinstance(one, graphs.Asks)] == ["wants_travel"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("code", ["TRV-001", "CRT-001", "CRJ-001", "HJ-001"])
def test_no_box_lies_on_another_and_no_text_leaves_its_box(code: str, language: str) -> None:
    pack = PACK if code in PACK.matters else shipped()
    words = load_words()
    text = draw(
        graph_of(pack.matters[code]),
        pack.matters[code],
        words.en if language == "en" else words.zh,
        language,
        "v1",
    )
    root = ET.fromstring(text)
    rects = [
        tuple(float(one.get(key, "0")) for key in ("x", "y", "width", "height"))
        for one in root.iter(f"{SVG}rect")
        if one.get("rx") == "9"
    ]
    assert rects
    for at, (x, y, w, h) in enumerate(rects):
        for x2, y2, w2, h2 in rects[at + 1 :]:
            apart = x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
            assert apart, (x, y, x2, y2)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for one in root.iter(f"{SVG}text"):
        x, y, size = (float(one.get(key, "0")) for key in ("x", "y", "font-size"))
        inside = [r for r in rects if r[0] <= x <= r[0] + r[2] and r[1] <= y <= r[1] + r[3]]
        assert x + _wide(one.text or "", size) <= width
        assert y <= height
        for left, _, wide, _ in inside:
            assert x + _wide(one.text or "", size) <= left + wide + 1, one.text
    assert not re.search(r"\{\w+\}|graph\.", text)


def test_lines_break_between_characters_and_words() -> None:
    def lines(text: str, width: float) -> list[str]:
        return [one.text for one in _wrapped(text, 10, width)]

    assert lines("一二三四五六，七", 60) == ["一二三四五六，", "七"]
    assert lines("one two three", 45) == ["one two", "three"]
    assert lines("Donaudampfschiff", 40) == ["Donauda", "mpfschi", "ff"]
    assert lines("", 40) == []


def test_the_commands_write_a_drawing_and_a_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "catalogue"
    for name, text in FILES.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text, encoding="utf-8")
    svg, pdf = tmp_path / "a.svg", tmp_path / "a.pdf"

    def command(what: str, code: str, out: Path, *more: str) -> int:
        return main(["catalogue", what, code, str(here), "-o", str(out), *more])

    assert main(["catalogue", "graph", "SMK-001", "-o", str(svg)]) == 0, "of what is shipped"
    assert ET.parse(svg).getroot().tag == f"{SVG}svg"
    assert command("sheet", "TRV-001", pdf, "--language", "en") == 0
    assert pdf.read_bytes().startswith(b"%PDF")
    assert command("graph", "XX-999", svg) == 2
    assert "XX-999" in capsys.readouterr().err
    monkeypatch.setattr(graphs, "MAX_CASES", 2)
    assert command("graph", "BUN-001", svg) == 0
    assert load_words().text("graph.outline", "zh") in svg.read_text(encoding="utf-8")
    assert command("graph", "PEN-001", svg) == 2
    assert "more than 2" in capsys.readouterr().err
    assert command("sheet", "TRV-001", tmp_path / "no" / "a.pdf") == 2
