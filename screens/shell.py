"""The window: what surrounds every step, and the step itself.

`Shell.show_view` shows a whole view. While step, language, size and theme stay the same it
updates what is there; nothing is rebuilt. Screens are built when first needed and kept until
`rebuild`, which forgets every one of them, and all they showed, at the end of a visit.

Layout: header (logo, heading, person, buttons), progress, notice, the step, the bar with Back
at the left and the main action at the right, the demo mark. Over it lies the help or, before
all, the question whether anybody is still there.

A screen is added in `screens/registry.py`; `screens/toolkit.py` says how to write one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, cast

from PySide6.QtCore import QCoreApplication, QEvent, QRect, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from kiosk.journey.events import (
    Back,
    Event,
    Help,
    LanguageSet,
    Leave,
    Next,
    SizeSet,
    Stay,
    ThemeSet,
)
from kiosk.journey.terms import Language, Size, StepName, Theme
from kiosk.journey.views import (
    ChooseView,
    Frame,
    ItemGuideView,
    Line,
    MaterialLine,
    Notice,
    View,
    WelcomeView,
)
from screens.ports import InputMethod
from screens.preview import PaperSource, PreviewSource
from screens.registry import screen_for
from screens.theme import Look, Metrics, Role, colour
from screens.toolkit import (
    Block,
    Button,
    ButtonWidget,
    Drawn,
    Heading,
    Keeper,
    Kit,
    Note,
    Para,
    Space,
    StepScreen,
    TouchWidget,
    WordsSource,
    fill_panel,
    shares,
)


class Shell(QWidget):
    """The terminal's window. `emit` gets every event that a touch makes.

    Raises KeyError when a view names words that do not exist.
    """

    def __init__(
        self,
        words: WordsSource,
        look: Look,
        emit: Callable[[Event], None],
        preview: PreviewSource,
        documents: PaperSource | None = None,
        pinyin: InputMethod | None = None,
    ) -> None:
        super().__init__()
        self._words = words
        self._look = look
        self._emit = emit
        self._preview = preview
        self._documents = documents
        self._pinyin = pinyin
        self._view: View | None = None
        self._set: _Set | None = None
        self._spare: _Set | None = None
        self._shadow: _Set | None = None
        self._dropped: list[_Set] = []
        self.setObjectName("shell")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # paintEvent paints all of it

    def show_view(self, view: View) -> None:
        """Show `view`; in place as far as possible."""
        self._view = view
        shown = self._set
        if shown is None or not self._suits(shown, view.frame):
            self._forget()
            if self.width() <= 0 or self.height() <= 0:  # resizeEvent comes back here
                return
            shown = self._set = self._take(view.frame)
        shown.show_view(view)
        if shown.isHidden():
            shown.show()
            self.update()

    def sweep(self) -> None:
        """Destroy the screens that were taken off the window: it takes longer than a touch may."""
        for dropped in self._dropped:
            dropped.deleteLater()
            # Now, and not when the loop comes round: what refers to them is collected next.
            QCoreApplication.sendPostedEvents(dropped, QEvent.Type.DeferredDelete)
        self._dropped.clear()

    def warm(self) -> None:
        """While nobody waits: build what is likely to be touched next, and all of it once more.

        The second set stands ready for the end of the visit. It is made from the first screen
        alone, so nothing of anybody is in it.
        """
        view, shown = self._view, self._set
        if view is None or shown is None or not isinstance(view.body, WelcomeView):
            return
        shown.prepare(view.frame, view.body)
        if self._spare is None or not self._suits(self._spare, view.frame):
            self._drop(self._spare)
            self._spare = self._new_set(view.frame)
            self._spare.show_view(view)
            self._spare.prepare(view.frame, view.body)
            self._spare.grab()  # its texts are shaped and its letters drawn once

    def offered(self) -> tuple[Event, ...]:
        """What the touches that are possible now would emit; those of the step come first."""
        shown, screen = self._set, self.step_screen()
        if shown is None or screen is None or shown.parts.cover.isVisible():
            return ()
        near, far = screen.findChildren(TouchWidget), shown.findChildren(TouchWidget)
        events = (w.event_on_touch() for w in (*near, *far) if w.isVisible() and w.isEnabled())
        return tuple(dict.fromkeys(event for event in events if event is not None))

    def study(self, view: View) -> Iterator[None]:
        """Lay out and paint `view` where nobody sees it, in parts of a few milliseconds.

        Its texts stay at hand, in the same place as those shown and no longer than these.
        """
        shown, frame = self._set, view.frame
        if shown is None or frame.step not in _QUIET_STEPS or not self._suits(shown, frame):
            return
        if self._shadow is None:
            self._shadow = _Set(shown.kit, self)
            self._shadow.resize(self.size())
        shadow = self._shadow
        for _ in shadow.study(view):
            yield
            if self._shadow is not shadow:  # the visit is over, and this with it
                return

    def step_screen(self) -> StepScreen | None:
        """The screen of the step shown."""
        if self._set is None or self._view is None:
            return None
        return self._set.screens.get(self._view.frame.step)

    def rebuild(self) -> None:
        """Forget every screen and what it showed; the next view builds all anew."""
        self._view = None
        self._forget()
        self.update()

    def touch(self, name: str) -> bool:
        """Click the visible, enabled button called `name`; False if there is none."""
        found = self.touchable(name)
        if found is None:
            return False
        found.click()
        return True

    def touchable(self, name: str) -> QAbstractButton | None:
        """The button called `name` if a person could touch it now."""
        if self._set is None:
            return None
        cover = self._set.parts.cover  # what lies below it cannot be reached
        top: QWidget = cover if cover.isVisible() else self._set
        for button in top.findChildren(QAbstractButton, name):
            if button.isVisibleTo(self) and button.isEnabled():
                return button
        return None

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Measures depend on the size of the window: build anew."""
        self._forget()
        self._drop(self._spare)
        self._spare = None
        if self._view is not None:
            self.show_view(self._view)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The ground."""
        painter = QPainter(self)
        first = next(iter(self._look.themes.values()))
        tokens = first if self._set is None else self._set.kit.tokens
        painter.fillRect(self.rect(), colour(tokens.paper))
        painter.end()

    def _suits(self, made: _Set, frame: Frame) -> bool:
        kit = made.kit
        return (
            kit.language == frame.language
            and kit.metrics.size is frame.size
            and kit.tokens == self._look.themes[frame.theme]
        )

    def _take(self, frame: Frame) -> _Set:
        """The set that stands ready where it suits, else a new one."""
        spare = self._spare
        if spare is None or not self._suits(spare, frame):
            return self._new_set(frame)
        self._spare = None
        return spare

    def _new_set(self, frame: Frame) -> _Set:
        metrics = Metrics(frame.size, self.width(), self.height(), self._look.mm_per_px)
        kit = Kit(
            self._words,
            frame.language.value,
            self._look.themes[frame.theme],
            metrics,
            self._emit,
            self._preview,
            self._documents,
            self._pinyin,
        )
        made = _Set(kit, self)
        made.resize(self.size())
        return made

    def _forget(self) -> None:
        self._drop(self._set)
        self._drop(self._shadow)
        self._set = self._shadow = None

    def _drop(self, made: _Set | None) -> None:
        if made is not None:
            made.hide()
            made.setParent(None)
            self._dropped.append(made)


_QUIET_STEPS: Final = frozenset(
    {
        StepName.WELCOME,
        StepName.CHOOSE,
        StepName.ITEM_GUIDE,
        StepName.QUESTIONS,
        StepName.OUTCOME,
    }
)
"""To lay out the screens of these begins nothing: no reader, camera, keyboard or picture."""

_BLANK_GUIDE = ItemGuideView(
    name="",
    for_whom="",
    lines=(Line("guide.for-whom", ""),) * 7,
    materials=tuple(MaterialLine(str(at), "", "", "", "needed") for at in range(8)),
    notes=("",) * 2,
    can_start=True,
    blocked=None,
    can_try=True,
    sample=True,
    departments=(),
    conditions=("",),
)
"""A guide of usual length: showing a real one on its widgets is quicker than making them."""


class _Set(QWidget):
    """All screens of one language, size and theme, and what surrounds them. Made hidden."""

    def __init__(self, kit: Kit, window: QWidget) -> None:
        super().__init__(window)
        self.hide()
        self.kit = kit
        self.screens: dict[StepName, StepScreen] = {}
        self._view: View | None = None
        self._prepared = False
        self.parts = _Parts(kit, self)

    def show_view(self, view: View) -> None:
        """Show `view` in place."""
        self._view, frame = view, view.frame
        screen = self._screen(frame.step)
        screen.frame = frame
        self.parts.show_frame(frame, screen.extra_actions(view.body))
        screen.setGeometry(self.parts.place(self.rect()))
        screen.update_view(view.body, frame)
        for step, other in self.screens.items():
            other.setVisible(step is frame.step)
        self.parts.overlay(frame, self.rect())

    def prepare(self, frame: Frame, welcome: WelcomeView) -> None:
        """Build what a first touch opens: the search with its keyboard, an item guide."""
        if self._prepared:
            return
        self._prepared = True
        cards = welcome.popular * 2
        many = tuple(replace(card, code=str(at)) for at, card in enumerate(cards))
        bodies = (
            (StepName.CHOOSE, ChooseView(False, "", "-", "-", (), many)),
            (StepName.CHOOSE, ChooseView(True, "", "", "", welcome.groups, welcome.popular)),
            (StepName.ITEM_GUIDE, _BLANK_GUIDE),
        )
        for step, body in bodies:
            screen = self._screen(step)
            screen.hide()
            screen.setGeometry(self.screens[frame.step].geometry())
            screen.update_view(body, replace(frame, step=step))
            screen.grab()  # letters are drawn and pictures made now

    def study(self, view: View) -> Iterator[None]:
        """Show `view` in this set, which is hidden, and paint each of its parts once."""
        self._screen(view.frame.step)
        yield
        self.show_view(view)
        seen = [widget for widget in self.findChildren(QWidget) if widget.isVisibleTo(self)]
        yield
        for widget in seen:
            if widget is self.parts.header or not widget.children():
                widget.grab()
                yield

    def _screen(self, step: StepName) -> StepScreen:
        screen = self.screens.get(step)
        if screen is None:
            screen = self.screens[step] = screen_for(step, self.kit)
            screen.setParent(self)
            screen.lower()
            screen.bar_may_change = self._show_bar
        return screen

    def _show_bar(self) -> None:
        """What the screen keeps to itself (a half-spelled word) may change the bar."""
        view = self._view
        if view is not None and view.frame.step in self.screens:
            screen = self.screens[view.frame.step]
            self.parts.show_frame(view.frame, screen.extra_actions(view.body))


class _Parts:
    """Everything around the step."""

    def __init__(self, kit: Kit, window: QWidget) -> None:
        self.kit = kit
        self.header = HeaderWidget(kit, window)
        self.progress = ProgressWidget(kit, window)
        self.bar = BarWidget(kit, window)
        self.mark = DemoMark(kit, window)
        self.cover = Cover(kit, window)
        self._notices = Keeper(kit, window)
        self._notice: list[Drawn] = []
        self._demo = False
        self._steps: tuple[int, int] | None = None
        for widget in (self.header, self.progress, self.bar):
            widget.show()
        self.cover.hide()

    def show_frame(self, frame: Frame, extra: Sequence[Button]) -> None:
        """Take in what the frame says."""
        self.header.show_frame(frame)
        self._steps = frame.progress
        self.progress.show_steps(frame.progress)
        self.bar.show_buttons(bar_rows(self.kit, frame, extra))
        self._demo = frame.demo
        self.mark.setVisible(frame.demo)
        notice = [notice_block(self.kit, frame.notice)] if frame.notice else []
        self._notice, _ = self._notices.show(notice)

    def place(self, window: QRect) -> QRect:
        """Place everything in the window; returns the room for the step."""
        metrics = self.kit.metrics
        left, width = metrics.margin, window.width() - 2 * metrics.margin
        top = metrics.px(11.0 if not metrics.landscape else 6.5)
        bottom = window.height() - metrics.px(10.0 if not metrics.landscape else 6.0)
        if self._demo:
            height = self.mark.height_for()
            self.mark.setGeometry(0, window.height() - height, window.width(), height)
            bottom = window.height() - height - metrics.px(6.0 if not metrics.landscape else 4.0)
        height = self.header.height_for(width)
        self.header.setGeometry(left, top, width, height)
        top += height + metrics.px(7.0 if not metrics.landscape else 4.4)
        if self._steps is not None:
            height = metrics.px(3.2)
            self.progress.setGeometry(left, top, width, height)
            top += height + metrics.px(8.6 if not metrics.landscape else 5.0)
        for widget in self._notice:
            height = widget.height_for(width)
            widget.setGeometry(left, top, width, height)
            widget.show()
            top += height + metrics.gap
        height = self.bar.height_for(width)
        if height:
            bottom -= height
            self.bar.setGeometry(left, bottom, width, height)
            bottom -= metrics.gap
        return QRect(left, top, width, bottom - top)

    def overlay(self, frame: Frame, window: QRect) -> None:
        """Help, or the question whether anybody is still there."""
        blocks = idle_blocks(self.kit, frame) or help_blocks(self.kit, frame)
        if not blocks:
            self.cover.hide()
            return
        self.cover.setGeometry(window)
        self.cover.asks = frame.idle_left_s is not None
        self.cover.show_blocks(blocks)
        self.cover.raise_()
        self.cover.show()


def notice_block(kit: Kit, notice: Notice) -> Note:
    """A notice as a panel that is not to be missed."""
    text = kit.text(f"notice.{notice.key}", **dict(notice.values))
    return Note(key="notice", text=text, icon="warn", code=notice.code)


def bar_rows(kit: Kit, frame: Frame, extra: Sequence[Button]) -> tuple[Button, ...]:
    """The buttons of the bar, from left to right."""
    buttons: list[Button] = []
    if frame.back:
        buttons.append(Button(key="back", name="back", text=kit.text("back"), on=Back()))
    buttons.extend(extra)
    if frame.next_key and not any(button.name == "next" for button in extra):
        buttons.append(
            Button(
                key="next",
                name="next",
                text=kit.text(frame.next_key),
                on=Next(),
                kind="primary",
                enabled=frame.next_enabled,
            )
        )
    return tuple(buttons)


def help_blocks(kit: Kit, frame: Frame) -> tuple[Block, ...]:
    """The help of a step, with what can be set for the eyes."""
    if not frame.help_open:
        return ()
    contrast = frame.theme is Theme.CONTRAST
    return (
        Heading(key="help.title", text=kit.text("help.title")),
        Para(key="help.text", text=kit.text(f"help.{frame.step.value}")),
        Note(key="help.people", text=kit.text("help.people"), tone="mist", icon="people"),
        Button(
            key="theme",
            name="theme",
            text=kit.text("theme.calm" if contrast else "theme.contrast"),
            on=ThemeSet(Theme.CALM if contrast else Theme.CONTRAST),
        ),
        Button(key="help", name="help", text=kit.text("help.close"), on=Help(), kind="primary"),
    )


def idle_blocks(kit: Kit, frame: Frame) -> tuple[Block, ...]:
    """The question before a visit ends by itself."""
    if frame.idle_left_s is None:
        return ()
    return (
        Heading(key="idle.title", text=kit.text("idle.title"), centred=True),
        Para(
            key="idle.text",
            text=kit.text("idle.text", seconds=frame.idle_left_s),
            centred=True,
        ),
        Para(key="idle.left", text=str(frame.idle_left_s), role=Role.BIG, centred=True),
        Space(key="idle.space", height_mm=1),
        Button(key="stay", name="stay", text=kit.text("idle.stay"), on=Stay(), kind="primary"),
    )


class HeaderWidget(QWidget):
    """Logo, heading, person, and the buttons that are always there."""

    def __init__(self, kit: Kit, parent: QWidget) -> None:
        super().__init__(parent)
        self.kit = kit
        self._keeper = Keeper(kit, self)
        self._buttons: list[Drawn] = []
        self._shown: tuple[object, ...] = ()
        self._heading = kit.set("")
        self._sub = kit.set("")
        self._below = False
        self._only_brand = False
        self._logo = kit.metrics.px(18.8 if not kit.metrics.large else 20.4)

    def show_frame(self, frame: Frame) -> None:
        """Take in what the frame says."""
        kit = self.kit
        self._buttons, _ = self._keeper.show(self._pills(frame))
        verified = kit.text("verified") if frame.verified else ""
        sub = kit.join(frame.person, verified) if frame.person else ""
        heading = frame.heading
        if not sub and not heading:
            sub = "" if kit.metrics.large else frame.site
            # the brand stands beside the logo; with it the site, where both have room
            inline = kit.metrics.landscape or not sub
            heading = kit.text("brand") if inline else ""
        self._only_brand = not sub and not frame.heading
        shown = (heading, sub, frame.leave)
        if shown != self._shown:
            self._shown = shown
            self._heading = kit.set(heading, Role.BRAND)
            self._sub = kit.set(sub)
            self.setAccessibleName(kit.join(heading or kit.text("brand"), sub))
            self._place()
            self.update()

    def height_for(self, width: int) -> int:
        """Height needed at a width; decides whether the heading stands beside the logo."""
        metrics = self.kit.metrics
        row = max(self._logo, metrics.pill)
        room = width - self._logo - metrics.px(4.4) - self._pills_width() - metrics.gap
        widest = max(self._heading.natural_width(), self._sub.natural_width())
        text = self._heading.height(max(1, room)) + self._sub.height(max(1, room))
        roomy = 2.0 if metrics.landscape else 1.35
        alone = not self._heading.text  # the brand has the place beside the logo
        self._below = alone or widest > room or text > row * roomy
        if self._below and self._only_brand:
            return row  # the logo says the same
        if self._below:
            gap = metrics.px(4.4 if not metrics.landscape else 2.0)
            return row + gap + self._heading.height(width) + self._sub.height(width)
        return max(row, text)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Put the buttons at the right."""
        self._place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Logo and texts."""
        kit, metrics = self.kit, self.kit.metrics
        painter = QPainter(self)
        row = self._row()
        logo = QRect(0, (row - self._logo) // 2, self._logo, self._logo)
        fill_panel(painter, kit, logo, "celadon", radius=metrics.px(4.6))
        painter.setFont(metrics.font(Role.HEADING if not metrics.large else Role.BRAND))
        painter.setPen(kit.colour("on_celadon"))
        painter.drawText(logo, Qt.AlignmentFlag.AlignCenter, "瓯")
        if self._below and self._only_brand:
            painter.end()
            return
        left = self._logo + metrics.px(4.4)
        room = self.width() - left - self._pills_width() - metrics.gap
        text = self._heading.height(room) + self._sub.height(room)
        box = QRectF(left, (row - text) / 2, room, text)
        if self._below:
            gap = metrics.px(4.4 if not metrics.landscape else 2.0)
            box = QRectF(0, row + gap, self.width(), self.height())
            brand = kit.set(kit.text("brand"), Role.BRAND)
            if brand.natural_width() <= room:
                at = QRectF(left, (row - brand.pitch) / 2, room, brand.pitch)
                brand.paint(painter, at, kit.colour("ink"))
        self._heading.paint(painter, box, kit.colour("ink"), balanced=True)
        box.setTop(box.top() + self._heading.height(box.width()))
        self._sub.paint(painter, box, kit.colour("ink_soft"))
        painter.end()

    def overflow(self) -> bool:
        """Whether something would be cut."""
        return self.height_for(self.width()) > self.height()

    def _row(self) -> int:
        if self._below:
            return max(self._logo, self.kit.metrics.pill)
        return self.height()

    def _pills(self, frame: Frame) -> list[Button]:
        kit = self.kit
        large = frame.size is Size.LARGE
        english = frame.language is Language.EN
        pills = [
            Button(
                key="size",
                name="size",
                text=kit.text("size.normal" if large else "size.large"),
                on=SizeSet(Size.NORMAL if large else Size.LARGE),
                kind="pill",
                says=kit.text("size.normal.says" if large else "size.large.says"),
            ),
            Button(
                key="language",
                name="language",
                text="中文" if english else "EN",
                on=LanguageSet(Language.ZH if english else Language.EN),
                kind="pill",
                says="中文" if english else "English",
            ),
            Button(key="help", name="help", text=kit.text("help.button"), on=Help(), kind="pill"),
        ]
        if frame.leave:
            pills.append(
                Button(key="leave", name="leave", text=kit.text("leave"), on=Leave(), kind="pill")
            )
        return pills

    def _widths(self) -> list[int]:
        least = self.kit.metrics.target
        return [max(least, cast(ButtonWidget, b).natural_width()) for b in self._buttons]

    def _pills_width(self) -> int:
        gaps = self.kit.metrics.small_gap * max(0, len(self._buttons) - 1)
        return sum(self._widths()) + gaps

    def _place(self) -> None:
        metrics = self.kit.metrics
        x = self.width() - self._pills_width()
        y = (self._row() - metrics.pill) // 2
        for button, width in zip(self._buttons, self._widths(), strict=True):
            button.setGeometry(x, y, width, metrics.pill)
            button.show()
            x += width + metrics.small_gap


class ProgressWidget(QWidget):
    """Segments: how far the visit is."""

    def __init__(self, kit: Kit, parent: QWidget) -> None:
        super().__init__(parent)
        self.kit = kit
        self._steps: tuple[int, int] | None = None

    def show_steps(self, steps: tuple[int, int] | None) -> None:
        """Steps done and steps in all."""
        if steps == self._steps:
            return
        self._steps = steps
        self.setVisible(steps is not None)
        if steps is not None:
            self.setAccessibleName(self.kit.text("progress", done=steps[0], all=steps[1]))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """One rounded segment a step."""
        if self._steps is None:
            return
        done, count = self._steps
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        gap = self.kit.metrics.px(3.0)
        x = 0
        for at, width in enumerate(shares(self.width(), gap, (1.0,) * max(1, count))):
            todo = "mist_deep" if self.kit.high_contrast else "line"
            painter.setBrush(self.kit.colour("celadon" if at < done else todo))
            box = QRectF(x, 0, width, self.height())
            painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
            x += width + gap
        painter.end()


BACK_SHARE = 0.38
"""Part of the bar that Back takes beside the main action."""


class BarWidget(QWidget):
    """The bar at the bottom: Back at the left, the main action at the right.

    Where the buttons do not fit beside each other, the main action gets a row of its own.
    """

    def __init__(self, kit: Kit, parent: QWidget) -> None:
        super().__init__(parent)
        self.kit = kit
        self._keeper = Keeper(kit, self)
        self._buttons: list[ButtonWidget] = []

    def show_buttons(self, blocks: Sequence[Button]) -> None:
        """Take in the buttons, from left to right."""
        drawn, _ = self._keeper.show(blocks)
        self._buttons = [cast(ButtonWidget, widget) for widget in drawn]
        self.setVisible(bool(blocks))
        self._place()

    def height_for(self, width: int) -> int:
        """Height needed at a width; 0 without buttons."""
        rows = self._rows(width)
        heights = [self._row_height(row, width) for row in rows]
        return sum(heights) + self.kit.metrics.small_gap * max(0, len(rows) - 1)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Share the width."""
        self._place()

    def _rows(self, width: int) -> list[list[ButtonWidget]]:
        if not self._buttons:
            return []
        gap = self.kit.metrics.gap
        needed = sum(button.natural_width() for button in self._buttons)
        if needed + gap * (len(self._buttons) - 1) <= width or len(self._buttons) == 1:
            return [self._buttons]
        if len(self._buttons) == 2:
            one, two = self._buttons
            main = isinstance(two.block, Button) and two.block.kind == "primary"
            return [[one], [two]] if main else [[two], [one]]
        return [self._buttons[1:-1], [self._buttons[0], self._buttons[-1]]]

    def _weights(self, row: Sequence[ButtonWidget], width: int) -> list[int]:
        """Widths in a row: the main action gets half of what is to spare."""
        room = width - self.kit.metrics.gap * (len(row) - 1)
        naturals = [button.natural_width() for button in row]
        if len(row) == 1:
            # as wide as beside the other, so that no button jumps from step to step
            pair = width - self.kit.metrics.gap
            back = round(pair * BACK_SHARE)
            least = {"back": back, "next": pair - back}.get(row[0].objectName(), width)
            return [max(least, min(naturals[0], width))]
        least = round(room * BACK_SHARE)
        if len(row) == 2 and naturals[0] <= least and naturals[1] <= room - least:
            return [least, room - least]
        spare = room - sum(naturals)
        if spare < 0:
            return shares(width, self.kit.metrics.gap, naturals)
        last = row[-1].block
        if len(row) > 2 and isinstance(last, Button) and last.kind != "primary":
            alike = max(naturals[1:])  # two choices of the same weight look the same
            if naturals[0] + alike * (len(row) - 1) <= room:
                first = max(naturals[0], round(room * 0.24))
                rest = (room - first) // (len(row) - 1)
                return [first, *([rest] * (len(row) - 1))]
        others = [natural + spare // 2 // (len(row) - 1) for natural in naturals[:-1]]
        return [*others, room - sum(others)]

    def _row_height(self, row: Sequence[ButtonWidget], width: int) -> int:
        widths = self._weights(row, width)
        return max(button.height_for(w) for button, w in zip(row, widths, strict=True))

    def _place(self) -> None:
        y, gap = 0, self.kit.metrics.gap
        for row in self._rows(self.width()):
            height = self._row_height(row, self.width())
            widths = self._weights(row, self.width())
            main = len(row) == 1 and row[0].objectName() == "next"
            x = self.width() - widths[0] if main else 0  # the main action is at the right
            for button, width in zip(row, widths, strict=True):
                button.setGeometry(x, y, width, height)
                button.show()
                x += width + gap
            y += height + self.kit.metrics.small_gap


class DemoMark(QWidget):
    """The permanent mark that devices are simulated or items are samples."""

    def __init__(self, kit: Kit, parent: QWidget) -> None:
        super().__init__(parent)
        self.kit = kit
        self._text = kit.set(kit.text("demo"), Role.STRONG, spacing=1.3)
        self.setObjectName("demo-mark")
        self.setAccessibleName(self._text.text)

    def height_for(self) -> int:
        """Height of the strip."""
        return self._text.height(self.kit.metrics.width_px) + self.kit.metrics.px(1.0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A strip at the lower edge."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.kit.colour("amber_paper"))
        top = (self.height() - self._text.height(self.width())) / 2
        box = QRectF(0, top, self.width(), self.height())
        self._text.paint(painter, box, self.kit.colour("amber"), centred=True)
        painter.end()


class Cover(QWidget):
    """A veil over the window with a panel on it."""

    def __init__(self, kit: Kit, parent: QWidget) -> None:
        super().__init__(parent)
        self.kit = kit
        self._keeper = Keeper(kit, self)
        self._widgets: list[Drawn] = []
        self._panel = QRect()
        self.asks = False

    def show_blocks(self, blocks: Sequence[Block]) -> None:
        """Show the panel with these blocks below each other."""
        self._widgets, changed = self._keeper.show(blocks)
        if changed:
            self._place()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Keep the panel in the middle."""
        self._place()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A touch anywhere answers that somebody is there; nothing below is touched."""
        event.accept()
        if self.asks:
            self.kit.emit(Stay())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(self.kit.tokens.celadon_deep, 150))
        fill_panel(painter, self.kit, self._panel, "card")
        painter.end()

    def _place(self) -> None:
        metrics = self.kit.metrics
        pad, gap = metrics.px(11.0), metrics.gap
        width = min(self.width() - 2 * metrics.margin, metrics.px(250.0))
        inner = width - 2 * pad
        heights = [widget.height_for(inner) for widget in self._widgets]
        total = sum(heights) + gap * max(0, len(heights) - 1) + 2 * pad
        left, top = (self.width() - width) // 2, max(0, (self.height() - total) // 2)
        self._panel = QRect(left, top, width, total)
        y = top + pad
        for widget, height in zip(self._widgets, heights, strict=True):
            widget.setGeometry(left + pad, y, inner, height)
            widget.show()
            y += height + gap
        self.update()
