"""Readers in front of their simulators: what goes wrong with line, card, SAM, library, service."""

from __future__ import annotations

import os
import random
import signal
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from fault_campaign import Bench, Inject, WrongResult
from test_samv_usb import Libusb
from test_samv_vendor import Vendor

from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.reader import PcscReader
from devices.records import IdCard, Portrait, PortraitFormat, SocialCard, TravelDocument
from devices.samv.driver import SamvReader
from devices.samv.protocol import STATUS, Command
from devices.samv.usb import open_usb
from devices.samv.vendor import VendorReader
from devices.simulators import passport
from devices.simulators.cards import PEOPLE, CardOnReader, make_card
from devices.simulators.passport import Country, VirtualPassport, details, make_files, mrz_of
from devices.simulators.pcsc import PcscStack, VirtualCard
from devices.simulators.samv import SamvSimulator
from devices.simulators.socialcard import ELDER, VirtualSocialCard, records_of
from devices.worker import Cancel

READ_REPLY_BYTES = 1_295
_ASKED = (None, Command.FIND, Command.SELECT, Command.READ, Command.READ_ADDRESSES)
_ADDED = ("样例市甲路1号", "样例市乙路22号𠮷公寓", "样例市丙路333号")


def _moved(person: IdCard, chance: random.Random) -> IdCard:
    """Somebody who has moved up to three times, where the card knows where they live."""
    added = _ADDED[: chance.randint(0, len(_ADDED))] if person.address else ()
    return replace(person, added_addresses=added)


def _is_card(result: object, truth: IdCard) -> bool:
    """Whole, or without its added addresses, which a read may do without; never with others."""
    return result in (truth, replace(truth, added_addresses=()))


class SerialReader(Bench):
    """A SAM-V reader on a pseudo-terminal."""

    device: ClassVar[str] = "samv-serial"
    deadline_s: ClassVar[float] = 2.5
    wait_s, read_s = 0.4, 0.8

    def __init__(self) -> None:
        super().__init__()
        self.simulator = SamvSimulator()
        self.reader = self._open()
        self.truths: list[IdCard] = []

    def _open(self) -> SamvReader:
        return SamvReader(self.simulator.port, **self._limits())  # type: ignore[arg-type]

    @staticmethod
    def _limits() -> dict[str, float]:
        return {
            "quiet_s": 0.03,
            "reply_deadline_s": 0.15,
            "absent_patience_s": 0.2,
            "find_every_s": 0.02,
        }

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """Of line, card, SAM and plug."""
        sim = self.simulator
        return {
            "noise before the preamble": self._noise,
            "wrong checksum": lambda c: sim.bad_checksum(c.randint(1, 6), command=c.choice(_ASKED)),
            "reply cut": lambda c: sim.truncate_at(
                c.randrange(READ_REPLY_BYTES), times=c.randint(1, 5), command=c.choice(_ASKED)
            ),
            "one bit turned": self._one_bit,
            "bytes lost": self._bytes_lost,
            "stalled at any byte": lambda c: sim.stall_after_bytes(c.randrange(READ_REPLY_BYTES)),
            "stalled from the start": lambda _: sim.stall(),
            "stalled for a moment": self._stalled_briefly,
            "slow bytes": lambda c: sim.slow(10 ** c.uniform(2.0, 4.3)),
            "unplugged at any byte": lambda c: sim.vanish_after_bytes(
                c.randrange(READ_REPLY_BYTES)
            ),
            "unplugged, and back": self._unplugged_briefly,
            "card taken at any byte": lambda c: sim.remove_after_bytes(
                c.randrange(READ_REPLY_BYTES)
            ),
            "card taken while the SAM reads": lambda _: sim.remove_during_read(),
            "another card at any byte": self._swapped,
            "any answer of the SAM": self._status,
            "garbage in the text": lambda c: sim.garbage_text(c.randbytes(256)),
            "card not genuine": lambda _: sim.put_card(self._card(self.truths[0], genuine=False)),
        }

    def prepare(self, chance: random.Random) -> None:
        """Somebody's card, with a portrait of its own."""
        self.truths = [self._person(chance)]
        self.simulator.put_card(self._card(self.truths[0]))

    @staticmethod
    def _person(chance: random.Random) -> IdCard:
        block = b"RIFF....WEBP" + chance.randbytes(1_012)
        person = PEOPLE[chance.choice(sorted(PEOPLE))]
        return _moved(replace(person, portrait=Portrait(PortraitFormat.WEBP, block)), chance)

    @staticmethod
    def _card(person: IdCard, *, genuine: bool = True) -> CardOnReader:
        assert person.portrait is not None
        return replace(make_card(person, genuine=genuine), portrait=person.portrait.data)

    def _noise(self, chance: random.Random) -> None:
        noise = chance.randbytes(chance.randint(1, 400))
        if chance.random() < 0.4:
            noise += b"\xaa\xaa\xaa\x96\x69"[: chance.randint(1, 5)]
        self.simulator.noise_before(
            noise, times=chance.randint(1, 3), command=chance.choice(_ASKED)
        )

    def _one_bit(self, chance: random.Random) -> None:
        place = chance.random()

        def turn(raw: bytes) -> bytes:
            bit = int(place * len(raw) * 8)
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            return bytes(changed)

        self.simulator.damage(turn, times=chance.randint(1, 4), command=chance.choice(_ASKED))

    def _bytes_lost(self, chance: random.Random) -> None:
        place, size = chance.random(), chance.randint(1, 40)

        def lose(raw: bytes) -> bytes:
            at = int(place * len(raw))
            return raw[:at] + raw[at + size :]

        self.simulator.damage(lose, times=chance.randint(1, 4), command=chance.choice(_ASKED))

    def _stalled_briefly(self, chance: random.Random) -> None:
        self.simulator.stall_after_bytes(chance.randrange(READ_REPLY_BYTES))
        self.after(chance.uniform(0.05, 0.6), self.simulator.resume)

    def _unplugged_briefly(self, chance: random.Random) -> None:
        self.simulator.vanish_after_bytes(chance.randrange(READ_REPLY_BYTES))
        self.after(chance.uniform(0.05, 0.5), self.simulator.come_back)

    def _swapped(self, chance: random.Random) -> None:
        self.truths.append(self._person(chance))
        self.simulator.swap_after_bytes(
            chance.randrange(READ_REPLY_BYTES), self._card(self.truths[1])
        )

    def _status(self, chance: random.Random) -> None:
        command = chance.choice(_ASKED[1:])
        status = chance.choice([*STATUS, chance.randrange(256)])
        self.simulator.answer(command, status, chance.choice((1, 2, 100)))

    def call(self, cancel: Cancel) -> object:
        """Wait for a card and read it."""
        return self.reader.read_card(cancel, wait_s=self.wait_s, read_deadline_s=self.read_s)

    def check(self, result: object) -> None:
        """It is one of the cards that lay there, whole."""
        if result is not None and not any(_is_card(result, truth) for truth in self.truths):
            raise WrongResult("the record is not what the card says")

    def mend(self) -> None:
        """A line without faults, and the plug in."""
        self.simulator.heal()

    def serve(self) -> None:
        """The next person's card is read."""

        def right(cancel: Cancel) -> bool:
            self.simulator.put_card(make_card(PEOPLE["man"]))
            return self.call(cancel) == PEOPLE["man"]

        self.serve_by(right)

    def close(self) -> None:
        """End reader and simulator."""
        self.reader.close()
        self.simulator.close()


class UsbReader(SerialReader):
    """The same on USB, where libusb is stood in for at pyusb's edge."""

    device: ClassVar[str] = "samv-usb"

    def _open(self) -> SamvReader:
        self.bus = Libusb(self.simulator)
        return SamvReader(
            "usb",
            serial_factory=lambda port, baud: open_usb(port, baud, backend=self.bus),
            **self._limits(),  # type: ignore[arg-type]
        )

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """What a line knows, and a reader that another program holds."""
        return {**super().kinds, "held by another program": self._held}

    def _held(self, _: random.Random) -> None:
        self.reader.close()
        self.bus.busy = True

    def mend(self) -> None:
        """And nobody else holds it."""
        self.bus.busy = False
        super().mend()


class LibraryReader(Bench):
    """A SAM-V reader through a vendor's library, one that was compiled for the tests."""

    device: ClassVar[str] = "samv-library"
    deadline_s: ClassVar[float] = 4.0
    # A library is given two seconds to open its port, and a third of one to close it.
    slack_s: ClassVar[float] = 2.4
    _CALLS = ("open", "find", "select", "read", "addresses")
    _LIES = ("long", "huge", "short", "nothing", "overrun", "garbage")

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory(prefix="library-")
        self.vendor = Vendor(Path(self._home.name))
        self.reader = VendorReader(
            self.vendor.library,
            quiet_s=0.03,
            reply_deadline_s=0.3,
            absent_patience_s=0.2,
            find_every_s=0.02,
        )
        self.truth = PEOPLE["man"]

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """It crashes, ends, hangs, lies, or gives any code; once, or each time."""
        deeds = {
            "crashes": "crash",
            "aborts": "abort",
            "ends its process": "exit",
            "hangs": "hang",
            "spins": "spin",
        }
        return {
            **{name: self._doing(deed) for name, deed in deeds.items()},
            "gives any code": self._code,
            "lies": lambda c: self.vendor.does(f"read-{self._once(c)}{c.choice(self._LIES)}"),
            "hangs in its closing": self._bad_closing,
            "its process is killed": lambda _: self.when(
                lambda: "find" in self._calls(), self._kill
            ),
            "no card": lambda _: self.vendor.heal(),
        }

    @staticmethod
    def _once(chance: random.Random) -> str:
        return chance.choice(("", "once-"))

    def _doing(self, deed: str) -> Inject:
        def inject(chance: random.Random) -> None:
            call = chance.choice(self._CALLS)
            if call == "open":
                self.reader.close()
            self.vendor.does(f"{call}-{self._once(chance)}{deed}")

        return inject

    def _code(self, chance: random.Random) -> None:
        code = chance.choice([*STATUS, chance.randrange(256), -7, 4_711])
        call = chance.choice(self._CALLS[1:])
        self.vendor.does(f"{call}-{self._once(chance)}code{code}")

    def _bad_closing(self, _: random.Random) -> None:
        self.vendor.does("close-hang")
        self.reader.close()

    def _calls(self) -> str:
        try:
            return (self.vendor.home / "calls").read_text()
        except OSError:
            return ""

    def _kill(self) -> None:
        port: Any = self.reader._serial
        if port is not None:
            os.kill(port.child_pid, signal.SIGKILL)

    def prepare(self, chance: random.Random) -> None:
        """Somebody's card."""
        self.truth = _moved(PEOPLE[chance.choice(sorted(PEOPLE))], chance)
        self.vendor.heal()
        self.vendor.put_card(person=self.truth)

    def call(self, cancel: Cancel) -> object:
        """Wait for a card and read it."""
        return self.reader.read_card(cancel, wait_s=0.4, read_deadline_s=1.2)

    def check(self, result: object) -> None:
        """It is this card."""
        if result is not None and not _is_card(result, self.truth):
            raise WrongResult("the record is not what the card says")

    def mend(self) -> None:
        """The library behaves."""
        self.vendor.heal()

    def serve(self) -> None:
        """The next card is read."""
        self.vendor.put_card()
        self.serve_by(lambda cancel: self.call(cancel) == PEOPLE["man"])

    def close(self) -> None:
        """End the library's process."""
        self.reader.close()
        self._home.cleanup()


class Turned:
    """A card that turns into another while it lies there; it is powered up for each read."""

    def __init__(self) -> None:
        self.card: VirtualCard = VirtualSocialCard(records_of(ELDER))

    @property
    def atr(self) -> bytes:
        """Of the card that it is now."""
        return self.card.atr

    def reset(self) -> None:
        """As that card does."""
        self.card.reset()

    def respond(self, apdu: bytes) -> bytes:
        """As that card does."""
        return self.card.respond(apdu)


MRZ = mrz_of("L898902C", "690806", "340623", surname="SAMPLE", given="ANNA MARIA")
KEY = DocumentKey.of_mrz(MRZ)
PHOTO = b"\xff\xd8\xff" + bytes(4_000)


class SmartCards(Bench):
    """Social-security cards and travel documents over a real pcscd with a virtual reader."""

    device: ClassVar[str] = "smart-cards"
    deadline_s: ClassVar[float] = 8.0
    # How long a child process may take to obey before it is killed (`grace_s`).
    slack_s: ClassVar[float] = 0.3
    _COMMANDS_MOST = 60

    def __init__(self) -> None:
        super().__init__()
        self.stack = PcscStack()
        self.reader = PcscReader(socket_path=self.stack.socket_path, grace_s=self.slack_s)
        self.slot, self.lying = self.stack.slot(), Turned()
        files = make_files(Country(), MRZ, PHOTO, dg11=details("王<<小明"))
        self._cards: tuple[Callable[[], VirtualCard], ...] = (
            lambda: VirtualSocialCard(records_of(ELDER)),
            lambda: VirtualSocialCard(records_of(ELDER), with_61=True, exact_le=True),
            lambda: VirtualPassport(files, KEY),
            lambda: VirtualPassport(files, KEY, card_access=passport.PACE_AES128_BP256),
        )
        self._truth: TravelDocument | None = None
        self._read_s = 6.0
        self._is_up = True
        self.slot.put_card(self.lying)
        self._truth = self._document()

    def _document(self) -> TravelDocument:
        """What the document says when nothing is wrong."""
        self.lying.card = self._cards[2]()
        truth = self.reader.read(Cancel(), wait_s=30.0, key=KEY)
        assert isinstance(truth, TravelDocument)
        return truth

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """Of card, reader, service and our own child."""
        slot = self.slot
        return {
            "wrong data": lambda c: slot.garbage_at(self._at(c), c.randrange(1 << 30)),
            # At least a byte: of nothing at all the virtual reader waits for more, for ever.
            "answer cut": lambda c: slot.cut_at(self._at(c), c.randint(1, 20)),
            "one bit turned": lambda c: slot.flip_at(self._at(c), c.randrange(2_000)),
            "any status word": lambda c: slot.answer_at(self._at(c), c.randrange(0x6100, 0x7000)),
            "wrong length": lambda c: slot.answer_at(self._at(c), 0x6C00 | c.randrange(256)),
            "endless rest": lambda c: slot.answer_at(self._at(c), 0x6100 | c.randrange(256)),
            "card hangs": self._stall,
            "card taken at any command": lambda c: slot.remove_at(self._at(c)),
            "several at once": self._several,
            "pcscd killed": lambda c: self._service(c, self.stack.kill),
            "pcscd stopped": lambda c: self._service(c, self.stack.stop),
            "pcscd killed, and back": lambda c: self._service(c, self._restart),
            "reader pulled": lambda c: self._service(c, self._pull_reader),
            "our process killed": lambda c: self._service(c, self._kill_child),
        }

    def _at(self, chance: random.Random) -> int:
        return chance.randrange(self._COMMANDS_MOST)

    def _stall(self, chance: random.Random) -> None:
        self._read_s = 0.3
        self.slot.stall_at(self._at(chance))

    def _several(self, chance: random.Random) -> None:
        for _ in range(chance.randint(2, 6)):
            self.slot.flip_at(self._at(chance), chance.randrange(2_000))

    def _service(self, chance: random.Random, act: Callable[[], None]) -> None:
        """At a command in the middle of the read."""
        at = len(self.slot.commands) + chance.randrange(20)
        self.when(lambda: len(self.slot.commands) >= at, act)

    def _restart(self) -> None:
        self.stack.kill()
        self.stack.start()

    def _pull_reader(self) -> None:
        self._is_up = False
        self.stack.kill()
        self.stack.start(reader=False)

    def _kill_child(self) -> None:
        pid = self.reader.child_pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def prepare(self, chance: random.Random) -> None:
        """One of four cards."""
        self.lying.card = chance.choice(self._cards)()
        self._read_s = 6.0

    def call(self, cancel: Cancel) -> object:
        """Find out which card it is, and read it."""
        return self.reader.read(cancel, wait_s=1.5, read_deadline_s=self._read_s, key=KEY)

    def check(self, result: object) -> None:
        """A social card is this one; a document too, in all that its chip says.

        A damaged answer may hide an application: a card of unknown kind names nobody.
        """
        if isinstance(result, SocialCard) and result != ELDER:
            raise WrongResult("the record is not what the card says")
        if isinstance(result, TravelDocument) and not self._same(result):
            raise WrongResult("the record is not what the document says")

    def _same(self, result: TravelDocument) -> bool:
        truth = self._truth
        assert truth is not None
        # How it was opened differs from card to card; a damaged SOD is said to be one.
        own = {
            name: getattr(truth, name)
            for name in ("access", "authenticity", "authenticity_detail", "signed_by")
        }
        if result.portrait is None:
            own["portrait"] = None
            result = replace(result, portrait=None)
            truth = replace(truth, portrait=None)
        if not result.native_name:  # an addition, which the zone's name stands in for
            own["native_name"] = truth.native_name
        return replace(result, **own) == truth

    def mend(self) -> None:
        """Service, reader and card are there."""
        self.slot.heal()
        if not self._is_up or not self._listens():
            self.stack.kill()
            self.stack.start()
            self._is_up = True

    def _listens(self) -> bool:
        try:
            return self.stack._listens(True)
        except OSError:
            return False

    def serve(self) -> None:
        """Taken up, laid down again, read."""
        self.lying.card = self._cards[0]()
        self._read_s = 6.0
        if not self.slot.has_card:
            # The virtual reader takes no second card before it noticed that the first is gone.
            self.reader.wait_until_taken(Cancel(), wait_s=10.0)
            self.slot.put_card(self.lying)
        self.serve_by(lambda cancel: self.call(cancel) == ELDER)

    def close(self) -> None:
        """End reader, card and service."""
        self.slot.heal()
        self.slot.take_card()
        self.reader.close()
        self.stack.close()
