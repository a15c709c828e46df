"""Face verification: first the notice and the choice, then the camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kiosk.journey.events import ConsentGiven, ConsentRefused, OtherWay, TryAgain
from kiosk.journey.views import VerifyFaceView
from screens.pictures import RoundPreview, SignPicture
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Card, Heading, Note, Para, Row

_NAMES_PAPER = ("face.consent.why.what", "face.consent.how.what", "face.looking.sub")
_NAMES_PERSON = ("face.looking", "face.matched")
_CONSENT = (("why", "card"), ("how", "camera"), ("kept", "later"), ("refuse", "people"))


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: VerifyFaceView) -> Sequence[Block]:
        kit = self.kit
        if body.state == "consent":
            title = Heading(key="title", text=self._of_person("face.consent.title", body))
            text = self._of_person("face.consent.off", body)
            off = Note(key="off", text=text, tone="mist", icon="camera")
            return (title, off, *self._guardian(body))
        centred = not kit.metrics.landscape
        title = Heading(
            key="title",
            text=kit.text(f"face.turn.{body.turn}") if body.turn else self._said(body),
            sub=self._sub(body),
            centred=centred,
        )
        hint = kit.text(f"face.hint.{body.hint or 'none'}")
        if body.state == "looking" and kit.metrics.landscape:
            return (title, Para(key="hint", text=hint, role=Role.HEADING), self._kept())
        return (title,)

    def blocks(self, body: VerifyFaceView) -> Sequence[Block]:
        makers: Mapping[str, Callable[[VerifyFaceView], tuple[Block, ...]]] = {
            "consent": self._consent,
            "looking": self._looking,
            "away": self._away,
            "matched": self._matched,
            "failed": self._failed,
        }
        self.stage.middle = body.state in ("away", "matched", "failed")
        return makers[body.state](body)

    def foot(self, body: VerifyFaceView) -> Sequence[Block]:
        kit = self.kit
        if body.state == "looking" and not kit.metrics.landscape:
            return (self._kept(),)
        if body.state != "consent" or kit.metrics.landscape:
            return ()
        return (Row(key="consent", cells=self._choice()),)

    def _choice(self) -> tuple[Button, Button]:
        """Two equal buttons: neither is the main action."""
        kit = self.kit
        refuse = Button(
            key="consent:no",
            name="consent:no",
            text=kit.text("face.consent.no"),
            on=ConsentRefused(),
        )
        agree = Button(
            key="consent:yes",
            name="consent:yes",
            text=kit.text("face.consent.yes"),
            on=ConsentGiven(),
        )
        return (refuse, agree)

    def extra_actions(self, body: VerifyFaceView) -> tuple[Button, ...]:
        kit = self.kit
        if body.state == "consent" and kit.metrics.landscape:
            return self._choice()
        if body.state not in ("looking", "away", "failed"):
            return ()
        other = Button(
            key="other-way",
            name="other-way",
            text=kit.text("face.other-way"),
            on=OtherWay(),
            kind="primary" if body.state == "away" else "outline",
        )
        if body.state == "looking" or body.tries_left == 0:
            return (other,)
        again = Button(
            key="again",
            name="again",
            text=kit.text("face.again"),
            on=TryAgain(),
            kind="outline" if body.state == "away" else "primary",
        )
        return (again, other) if body.state == "away" else (other, again)

    def _said(self, body: VerifyFaceView) -> str:
        key = f"face.{body.state}"
        return self._of_person(key, body) if key in _NAMES_PERSON else self.kit.text(key)

    def _of_person(self, key: str, body: VerifyFaceView) -> str:
        """The words that name who is meant, where it is not the one who applies."""
        return self.kit.text(f"{key}.other", role=body.role) if body.role else self.kit.text(key)

    def _sub(self, body: VerifyFaceView) -> str:
        if body.turn:
            return self.kit.text("face.turn.sub")
        if body.state != "failed":
            return self.kit.text(_of_paper(f"face.{body.state}.sub", body))
        if body.tries_left == 0:
            return self.kit.text("face.failed.sub.none")
        key = "face.failed.sub.one" if body.tries_left == 1 else "face.failed.sub"
        return self.kit.text(key, count=body.tries_left)

    def _consent(self, body: VerifyFaceView) -> tuple[Block, ...]:
        kit = self.kit
        lead = not (kit.metrics.large and kit.metrics.landscape)
        return tuple(
            Card(
                key=f"consent.{part}",
                title=kit.text(f"face.consent.{part}"),
                subs=(kit.text(_of_paper(f"face.consent.{part}.what", body)),),
                lead=f"soft:{icon}" if lead else "",
                role=Role.STRONG,
            )
            for part, icon in _CONSENT
        )

    def _guardian(self, body: VerifyFaceView) -> tuple[Block, ...]:
        if not body.guardian:
            return ()
        text = self.kit.text("face.consent.guardian")
        return (Note(key="guardian", text=text, icon="people"),)

    def _looking(self, body: VerifyFaceView) -> tuple[Block, ...]:
        kit = self.kit
        preview = RoundPreview(key="preview", says=kit.text("face.preview"), turn=body.turn)
        if kit.metrics.landscape:
            return (preview,)
        hint = kit.text(f"face.hint.{body.hint or 'none'}")
        return (preview, Para(key="hint", text=hint, role=Role.HEADING, centred=True))

    def _kept(self) -> Note:
        return Note(key="kept", text=self.kit.text("face.looking.kept"), tone="card")

    def _matched(self, _body: VerifyFaceView) -> tuple[Block, ...]:
        return (SignPicture(key="matched", icon="check", side_mm=70.0),)

    def _away(self, _body: VerifyFaceView) -> tuple[Block, ...]:
        """What happened is in the notice; by itself it goes on when the camera is back."""
        return (SignPicture(key="away", icon="camera", tone="amber"),)

    def _failed(self, body: VerifyFaceView) -> tuple[Block, ...]:
        metrics = self.kit.metrics
        sign = SignPicture(key="failed", icon="warn", tone="amber")
        signs = () if metrics.large and metrics.landscape else (sign,)
        if body.tries_left == 0:
            return signs
        return (*signs, Note(key="tip", text=self.kit.text("face.failed.tip"), tone="card"))


def _of_paper(key: str, body: VerifyFaceView) -> str:
    """The words that name what lies on the reader."""
    return f"{key}.passport" if body.paper == "passport" and key in _NAMES_PAPER else key
