"""Every item of the catalogue as the real journey shows it: guide, questions, outcome.

Walked by touching the screen, so that names of touchable things, events and views agree.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from samples import Sample
from shipped import shipped_pack
from test_geometry import FORMATS, _faults

from kiosk.catalogue.model import Pack, QuestionKind, Text
from kiosk.journey.core import advance, new_visit, view
from kiosk.journey.events import Event, ItemChosen, LanguageSet, SizeSet
from kiosk.journey.shown import item_card
from kiosk.journey.terms import Language, Size, StepName
from kiosk.journey.views import QuestionView, WelcomeView
from kiosk.journey.visit import Now, Rules, Visit, World
from screens.shell import Shell
from screens.theme import Look
from screens.toolkit import BlockScreen

NOW = Now(100.0, datetime(2026, 11, 20, 10, 0, tzinfo=UTC), trusted=True)
RULES = Rules(
    terminal="LW042",
    site=Text("便民服务终端 · 永兴街道", "Service terminal · Yongxing"),
    counter=Text("永兴街道便民服务中心", "Yongxing service centre"),
    phone="0577-12345",
    demo=True,
)
SAMPLE_STEP = 16  # one item of so many is looked at in one format; all in the campaign
MOST_PAGES: defaultdict[tuple[StepName, Size, bool], int] = defaultdict(
    lambda: 99,
    {
        # step, size, landscape
        (StepName.WELCOME, Size.NORMAL, False): 1,
        (StepName.WELCOME, Size.NORMAL, True): 1,
        (StepName.WELCOME, Size.LARGE, False): 1,
        (StepName.WELCOME, Size.LARGE, True): 1,
        (StepName.ITEM_GUIDE, Size.NORMAL, False): 2,
        (StepName.ITEM_GUIDE, Size.NORMAL, True): 3,
        (StepName.ITEM_GUIDE, Size.LARGE, False): 4,
        (StepName.ITEM_GUIDE, Size.LARGE, True): 5,
    },
)
"""What a resident turns over before giving up."""


@pytest.fixture(scope="session")
def pack() -> Pack:
    """The catalogue that is shipped."""
    return shipped_pack()


class Resident:
    """Touches the screen; the journey answers."""

    def __init__(self, shell: Shell, emitted: list[Event], pack: Pack, look: Look) -> None:
        self.shell, self.emitted, self.look = shell, emitted, look
        self.visit: Visit = new_visit(1, pack, RULES, World(), NOW, lambda _query: ())
        self.faults: list[str] = []

    def happens(self, event: Event) -> None:
        """The journey goes on and the screen shows it; every page is looked at."""
        self.visit, _ = advance(self.visit, event, NOW)
        shown = view(self.visit, NOW)
        self.shell.show_view(shown)
        screen = self.shell.step_screen()
        assert isinstance(screen, BlockScreen)
        name = f"{shown.frame.heading}/{shown.frame.step}"
        pages = len(screen.stage.pages)
        most = MOST_PAGES[shown.frame.step, shown.frame.size, screen.kit.metrics.landscape]
        if pages > most:
            self.faults.append(f"{name}: {pages} pages, more than {most}")
        while True:
            found = _faults(self.shell, Sample(name, shown), self.look)
            self.faults.extend(f"{name}: {fault}" for fault in found)
            if not self.shell.touch("page:on"):
                break
        while self.shell.touch("page:back"):
            pass

    def touch(self, name: str) -> bool:
        """Touch by name, on whichever page it is; False if it is on none."""
        self.emitted.clear()
        while not self.shell.touch(name):
            if not self.shell.touch("page:on"):
                return False
        for event in tuple(self.emitted):
            self.happens(event)
        return True

    def typed(self, name: str) -> str:
        """A number or a day that the question takes; of the visitor's age where no card tells."""
        matter = self.visit.matter
        assert matter is not None
        question = next((q for q in matter.questions if q.id == name), None)
        if question is None:
            return "30"
        if question.kind is QuestionKind.DATE:
            day = max(date(1962, 3, 15), question.earliest or date.min)
            return f"{min(day, question.latest or date.max):%Y%m%d}"
        return str(max(question.minimum or 0, min(2, question.maximum or 2)))

    def answer(self) -> None:
        """Answer the question shown in the first way that there is."""
        body = view(self.visit, NOW).body
        assert isinstance(body, QuestionView)
        if body.kind in ("number", "date"):
            assert self.touch("key:clear")
            for digit in self.typed(body.id):
                assert self.touch(f"key:{digit}")
        else:
            first = body.options[0].id if body.options else "yes"
            if not (body.options and body.options[0].chosen):
                assert self.touch(f"option:{first}")


@pytest.mark.parametrize("line_up", [True, False])
@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("language", Language)
def test_the_first_screen_is_one_page_with_everything(
    shell: Shell,
    emitted: list[Event],
    pack: Pack,
    look: Look,
    language: Language,
    size: Size,
    shape: str,
    line_up: bool,
) -> None:
    shell.resize(*FORMATS[shape])
    resident = Resident(shell, emitted, pack, look)
    resident.visit = replace(resident.visit, world=World(line_up=line_up))
    resident.happens(LanguageSet(language))
    resident.happens(SizeSet(size))
    resident.faults.clear()
    resident.happens(SizeSet(size))
    assert not resident.faults, "\n" + "\n".join(resident.faults)
    body = view(resident.visit, NOW).body
    assert isinstance(body, WelcomeView)
    if size is Size.LARGE:
        wanted = [f"plain:{entry.id}" for entry in body.plain]
    else:
        wanted = [f"group:{group.id}" for group in body.groups]
        wanted += [f"item:{item.code}" for item in body.popular]
    assert [name for name in wanted if shell.touchable(name) is None] == []
    tiles = [tile for name in wanted if name[:5] == "item:" and (tile := shell.touchable(name))]
    for item, tile in zip(body.popular, tiles, strict=False):
        said = tile.accessibleName()
        assert not item.bundle or said.count(str(item.departments)) <= 1  # not twice
    texts = "".join(tile.accessibleName() for tile in tiles)
    assert "指南" not in texts
    assert "guide" not in texts


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("language", Language)
def test_the_first_screen_is_one_page_whatever_is_used_most(
    shell: Shell, pack: Pack, look: Look, language: Language, shape: str
) -> None:
    shell.resize(*FORMATS[shape])
    longest = sorted(pack.matters.values(), key=lambda m: -len(m.name.in_(language)))
    visit = new_visit(1, pack, RULES, World(), NOW, lambda _query: ())
    shown = view(replace(visit, language=language), NOW)
    assert isinstance(shown.body, WelcomeView)
    cards = tuple(item_card(replace(visit, language=language), one, NOW) for one in longest[:4])
    shown = replace(shown, body=replace(shown.body, popular=cards))
    shell.show_view(shown)
    screen = shell.step_screen()
    assert isinstance(screen, BlockScreen)
    assert len(screen.stage.pages) == 1
    assert not _faults(shell, Sample("welcome", shown), look)


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("language", Language)
def test_what_items_show_before_identity_fits(
    shell: Shell,
    emitted: list[Event],
    pack: Pack,
    look: Look,
    language: Language,
    size: Size,
    shape: str,
) -> None:
    """A sample, other items in each language, size and format."""
    which = (list(Language).index(language) * 2 + list(Size).index(size)) * 2
    which += list(FORMATS).index(shape)
    codes = sorted(pack.matters)[which::SAMPLE_STEP]
    shown_before_identity(shell, emitted, pack, look, language, size, shape, codes)


@pytest.mark.campaign
@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("language", Language)
def test_what_every_item_shows_before_identity_fits(
    shell: Shell,
    emitted: list[Event],
    pack: Pack,
    look: Look,
    language: Language,
    size: Size,
    shape: str,
) -> None:
    codes = sorted(pack.matters)
    shown_before_identity(shell, emitted, pack, look, language, size, shape, codes)


def shown_before_identity(
    shell: Shell,
    emitted: list[Event],
    pack: Pack,
    look: Look,
    language: Language,
    size: Size,
    shape: str,
    codes: list[str],
) -> None:
    """Guide, questions and outcome of these items, in one language, size and format."""
    shell.resize(*FORMATS[shape])
    faults: list[str] = []
    outcomes = 0
    for code in codes:
        shell.rebuild()
        resident = Resident(shell, emitted, pack, look)
        resident.happens(LanguageSet(language))
        resident.happens(SizeSet(size))
        resident.happens(ItemChosen(code))
        if resident.touch("try"):
            for _ in range(40):
                if resident.visit.place.step is not StepName.QUESTIONS:
                    break
                resident.answer()
                assert resident.touch("next"), f"{code}: no answer is taken"
            assert resident.visit.place.step is StepName.OUTCOME
            outcomes += 1
        faults.extend(resident.faults)
    assert outcomes >= len(codes) // 4
    assert not faults, "\n" + "\n".join(sorted(set(faults)))
