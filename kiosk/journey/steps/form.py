"""The form, one field a page; what the card tells is confirmed, not typed."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kiosk.application.fields import tidy
from kiosk.catalogue.model import FormField
from kiosk.journey.events import Event, FieldTyped, Next
from kiosk.journey.route import field_value, fields_of, prefilled, wrong
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import FormView
from kiosk.journey.visit import Now, Visit, path_of

LONGEST = 200


class Form(Plain):
    """One typed field."""

    name: ClassVar[StepName] = StepName.FORM

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Typing changes the field, Next checks it."""
        form_field = self._field(visit)
        if isinstance(event, FieldTyped) and event.key == form_field.key:
            form = {**visit.form, form_field.key: event.text[:LONGEST]}
            return Turn(replace(visit, form=form, field_error=""))
        if isinstance(event, Next):
            value = field_value(visit, form_field)
            error = wrong(form_field, value)
            if error:
                return Turn(replace(visit, field_error=error))
            form = {**visit.form, form_field.key: tidy(form_field.kind, value)}
            confirmed = visit.confirmed_fields | {form_field.key}
            return Turn(replace(visit, form=form, confirmed_fields=confirmed), forward=True)
        return None

    def _field(self, visit: Visit) -> FormField:
        matter = visit.matter
        assert matter is not None, "the form is entered with a matter"
        return next(f for f in matter.form if f.key == visit.place.detail)

    def idle_factor(self, visit: Visit) -> float:
        """Typing an address takes a while."""
        return 2.0

    def view(self, visit: Visit, now: Now) -> FormView:
        """The field and its place among the fields."""
        form_field = self._field(visit)
        matter = visit.matter
        keys = [f.key for f in fields_of(matter, path_of(visit, now))] if matter else []
        known = prefilled(visit, form_field)
        return FormView(
            key=form_field.key,
            label=visit.say(form_field.label),
            hint=visit.say(form_field.hint),
            kind=form_field.kind.value,
            value=field_value(visit, form_field),
            required=form_field.required,
            length=form_field.length,
            error_key=visit.field_error,
            number=keys.index(form_field.key) + 1 if form_field.key in keys else 1,
            count=len(keys),
            confirm=bool(known) and field_value(visit, form_field) == known,
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """On; what is wrong is said when it is touched."""
        return Action("action.next")
