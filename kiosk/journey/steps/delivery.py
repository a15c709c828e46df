"""How the result reaches the resident: post or pick-up."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kiosk.application.fields import problem, tidy
from kiosk.catalogue.model import FieldKind
from kiosk.journey.events import DeliveryChosen, Event, FieldTyped, Next
from kiosk.journey.receipt_of import department_of
from kiosk.journey.route import ADDRESS, delivery_address
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import DeliveryView
from kiosk.journey.visit import Now, Visit, path_of


class Delivery(Plain):
    """One choice; with post, the address on the same page."""

    name: ClassVar[StepName] = StepName.DELIVERY

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Choose, type, go on."""
        matter = visit.matter
        if matter is None:
            return None
        if isinstance(event, DeliveryChosen) and event.method in matter.delivery:
            return Turn(replace(visit, delivery=event.method, field_error=""))
        if isinstance(event, FieldTyped) and event.key == ADDRESS:
            return Turn(
                replace(visit, form={**visit.form, ADDRESS: event.text[:200]}, field_error="")
            )
        if isinstance(event, Next) and visit.delivery:
            if visit.delivery != "post":
                return Turn(visit, forward=True)
            address = delivery_address(visit)
            error = problem(FieldKind.ADDRESS, address, required=True)
            if error:
                return Turn(replace(visit, field_error=error))
            form = {**visit.form, ADDRESS: tidy(FieldKind.ADDRESS, address)}
            return Turn(replace(visit, form=form), forward=True)
        return None

    def view(self, visit: Visit, now: Now) -> DeliveryView:
        """The ways that the item offers."""
        matter = visit.matter
        assert matter is not None, "delivery is entered with a matter"
        return DeliveryView(
            methods=matter.delivery,
            chosen=visit.delivery,
            address=delivery_address(visit),
            address_error_key=visit.field_error,
            department=department_of(visit, path_of(visit, now)),
            phone=matter.guide.phone,
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """On, once a way is chosen."""
        return Action("action.next", bool(visit.delivery))
