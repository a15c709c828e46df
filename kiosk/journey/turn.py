"""What a step answers to an event, and the contract of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from kiosk.journey.aloud import Speech
from kiosk.journey.effects import Effect
from kiosk.journey.events import Event
from kiosk.journey.terms import StepName
from kiosk.journey.views import Body
from kiosk.journey.visit import Now, Place, Visit


@dataclass(frozen=True, slots=True)
class Turn:
    """The next visit, what the world shall do, and where to go.

    `forward` goes to the next place of the route; `to` goes to a named place. With both unset
    the visit stays. `keep_trail` False makes the place the first that Back can reach.
    """

    visit: Visit
    effects: tuple[Effect, ...] = ()
    forward: bool = False
    to: Place | None = None
    keep_trail: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """The main action of a step: its words key ("" for none) and whether it can be touched."""

    key: str
    enabled: bool = True


class Step(Protocol):
    """One step: what it shows, which events it takes, what entering and leaving it needs.

    `on` returns None for an event that it does not take. `idle_factor` stretches the idle
    time; 0 means that the machine works and idling does not count.
    """

    name: ClassVar[StepName]

    def enter(self, visit: Visit, now: Now) -> Turn:
        """The step is shown."""

    def resume(self, visit: Visit, now: Now) -> Turn:
        """The step is shown again to who was asked whether to leave, and stays."""

    def leave(self, visit: Visit) -> tuple[Effect, ...]:
        """The step is left, whatever the reason."""

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Something happened."""

    def view(self, visit: Visit, now: Now) -> Body:
        """What is shown."""

    def action(self, visit: Visit, now: Now) -> Action:
        """The main action."""

    def can_go_back(self, visit: Visit) -> bool:
        """Back is offered, provided that the trail leads somewhere."""

    def inner_back(self, visit: Visit) -> bool:
        """Back stays within the step, so that it is offered even where the trail is empty."""

    def idle_factor(self, visit: Visit) -> float:
        """How much longer than usual somebody may think here."""

    def due_s(self, visit: Visit) -> float | None:
        """When this step wants a TimedOut of its own, in monotonic seconds."""

    def speech(self, visit: Visit) -> Speech | None:
        """What is better heard than read, for as long as it holds; None for nothing."""


class Plain:
    """What most steps do: nothing on entering and leaving, Back allowed, usual patience."""

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Show the step as it is."""
        return Turn(visit)

    def resume(self, visit: Visit, now: Now) -> Turn:
        """As when it is entered."""
        return self.enter(visit, now)

    def leave(self, visit: Visit) -> tuple[Effect, ...]:
        """Nothing runs."""
        return ()

    def can_go_back(self, visit: Visit) -> bool:
        """Yes."""
        return True

    def inner_back(self, visit: Visit) -> bool:
        """No."""
        return False

    def idle_factor(self, visit: Visit) -> float:
        """The usual time."""
        return 1.0

    def due_s(self, visit: Visit) -> float | None:
        """Never."""
        return None

    def speech(self, visit: Visit) -> Speech | None:
        """Nothing."""
        return None
