"""Handing in papers: photographed by the document camera, or pledged where that is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from kiosk.catalogue.model import Material
from kiosk.journey.effects import AimDocumentCamera, Effect, StopDocumentCamera, TakePhoto
from kiosk.journey.events import (
    AnotherPage,
    Back,
    CaptureAsked,
    CaptureFailed,
    Event,
    MaterialCleared,
    Next,
    PageCaptured,
    PageKept,
    PhotoTaken,
    PledgeMade,
    Retake,
)
from kiosk.journey.route import paper_done, papers_asked, papers_taken
from kiosk.journey.shown import material_line, material_lines
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import MaterialsView, Notice
from kiosk.journey.visit import Capturing, Now, Paper, Visit, path_of

PHOTO_DEADLINE_S: Final = 8.0
_NOTICES: Final = {
    "CM-01": "document-camera-absent",
    "CM-02": "document-camera-absent",
    "DV-02": "document-camera-absent",
}


class Materials(Plain):
    """The list, the aim, the check of a page."""

    name: ClassVar[StepName] = StepName.MATERIALS

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Begin with the list."""
        return Turn(replace(visit, capturing=Capturing()))

    def resume(self, visit: Visit, now: Now) -> Turn:
        """Go on where it was interrupted, with the page that was not kept yet."""
        capturing = visit.capturing
        if capturing.state in ("aim", "taking"):
            return self._aim(visit, capturing.material)
        return Turn(visit)

    def leave(self, visit: Visit) -> tuple[Effect, ...]:
        """The camera goes off."""
        return (StopDocumentCamera(),)

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Photograph, keep, retake, pledge."""
        capturing = visit.capturing
        if capturing.state != "list":
            return self._while_capturing(visit, event, now)
        material = self._material(visit, getattr(event, "material", ""), now)
        if isinstance(event, CaptureAsked) and material is not None:
            return self._aim(visit, material.id)
        if isinstance(event, PledgeMade) and material is not None:
            matter = visit.matter
            if material.pledge_days is None or material.held or matter is None or not matter.pledge:
                return None
            papers = {**visit.papers, material.id: Paper(pledged=True)}
            return Turn(replace(visit, papers=papers))
        if isinstance(event, MaterialCleared):
            kept = {k: v for k, v in visit.papers.items() if k != event.material}
            return Turn(replace(visit, papers=kept))
        if isinstance(event, Next):
            if not self._all_done(visit, now):
                return Turn(replace(visit, notice=Notice("papers-first")))
            return Turn(visit, forward=True)
        return None

    def _while_capturing(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        capturing = visit.capturing
        if isinstance(event, PhotoTaken) and capturing.state == "aim":
            state = replace(capturing, state="taking")
            return Turn(replace(visit, capturing=state), (TakePhoto(PHOTO_DEADLINE_S),))
        if isinstance(event, PageCaptured) and capturing.state == "taking":
            state = replace(capturing, state="check", page=event.page)
            return Turn(replace(visit, capturing=state, notice=None), (StopDocumentCamera(),))
        if isinstance(event, CaptureFailed) and capturing.state == "taking":
            notice = Notice(_NOTICES.get(event.code, "no-paper-found"), event.code)
            return Turn(replace(visit, capturing=replace(capturing, state="aim"), notice=notice))
        if isinstance(event, Retake) and capturing.state == "check":
            return self._aim(visit, capturing.material)
        if isinstance(event, (PageKept, Next)) and capturing.state == "check":
            return Turn(replace(self._with_page(visit, now), capturing=Capturing()))
        if isinstance(event, AnotherPage) and capturing.state == "check":
            if not self._more_pages(visit, now):
                return None
            return self._aim(self._with_page(visit, now), capturing.material)
        if isinstance(event, Back) and capturing.state != "taking":
            return Turn(replace(visit, capturing=Capturing()), (StopDocumentCamera(),))
        return None

    def _aim(self, visit: Visit, material: str) -> Turn:
        """Camera on, also one that failed before: it may be back."""
        well = visit.world.document_camera_ok
        notice = None if well else Notice("document-camera-absent", "CM-01")
        aiming = replace(visit, capturing=Capturing("aim", material), notice=notice)
        return Turn(aiming, (AimDocumentCamera(),))

    def _with_page(self, visit: Visit, now: Now) -> Visit:
        """The page is kept; a paper that already has all its pages is photographed anew."""
        capturing = visit.capturing
        material = self._material(visit, capturing.material, now)
        if capturing.page is None or material is None:
            return visit
        before = visit.papers.get(material.id, Paper()).pages
        pages = (*(before if len(before) < material.pages else ()), capturing.page)
        return replace(visit, papers={**visit.papers, capturing.material: Paper(pages)})

    def _material(self, visit: Visit, name: str, now: Now) -> Material | None:
        return next((m for m in papers_taken(path_of(visit, now)) if m.id == name), None)

    def _more_pages(self, visit: Visit, now: Now) -> bool:
        material = self._material(visit, visit.capturing.material, now)
        paper = visit.papers.get(visit.capturing.material, Paper())
        return material is not None and len(paper.pages) + 1 < material.pages

    def _all_done(self, visit: Visit, now: Now) -> bool:
        return all(paper_done(visit, m) for m in papers_asked(path_of(visit, now)))

    def idle_factor(self, visit: Visit) -> float:
        """Looking for a household book takes minutes."""
        return 0.0 if visit.capturing.state == "taking" else 3.0

    def can_go_back(self, visit: Visit) -> bool:
        """Not while the picture is taken."""
        return visit.capturing.state != "taking"

    def inner_back(self, visit: Visit) -> bool:
        """From aiming and checking to the list."""
        return visit.capturing.state in ("aim", "check")

    def view(self, visit: Visit, now: Now) -> MaterialsView:
        """The list, or the material that is photographed."""
        capturing = visit.capturing
        current = self._material(visit, capturing.material, now)
        page = capturing.page
        return MaterialsView(
            state=capturing.state,
            materials=material_lines(visit, path_of(visit, now), now),
            current=material_line(visit, current, now) if current is not None else None,
            page_jpeg=page.jpeg if page is not None else None,
            page_number=len(visit.papers.get(capturing.material, Paper()).pages) + 1,
            more_pages=capturing.state == "check" and self._more_pages(visit, now),
            warnings=page.warnings if page is not None else (),
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """On, once every paper is here or pledged."""
        if visit.capturing.state == "list":
            return Action("action.next", self._all_done(visit, now))
        return Action("")
