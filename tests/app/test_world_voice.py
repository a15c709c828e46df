"""What carries Say: one thing at a time, at its hour's volume, and trouble only in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from world_help import spin

from config.settings import Settings, SettingsError, load
from config.words import load_words
from devices.simulators.loudspeaker import Loudspeaker
from devices.voice.sound import Sound
from devices.voice.voice import Voice
from kiosk.app import voice_of, volume_of
from kiosk.journey.aloud import Spoken
from kiosk.journey.effects import Say
from kiosk.journey.terms import Language
from kiosk.journey.visit import Now
from kiosk.world.voice import Said, Speaking

WORDS = load_words()
TURN = Say(Spoken.TURN_LEFT, Language.ZH)
TAKE = Say(Spoken.TAKE_CARD, Language.EN)


class Room:
    """A terminal's voice, and who listens."""

    def __init__(self, folder: Path) -> None:
        self.loudspeaker = Loudspeaker(folder / "card", "instant")
        self.volume = 100
        self.said: list[Said] = []
        self.voice = Voice(player=self.loudspeaker.player, after_s=600.0)
        words = {"zh": WORDS.zh, "en": WORDS.en}
        self.speaking = Speaking(self.voice, words, lambda: self.volume, keep=self.said.append)

    def hang(self, effect: Say) -> None:
        """Say it to a player that does not end."""
        begun = self.loudspeaker.begun
        self.loudspeaker.set("hang")
        self.speaking.say(effect)
        spin(lambda: self.loudspeaker.begun > begun, "the player")
        self.loudspeaker.set("instant")

    def quiet(self) -> None:
        spin(lambda: not self.speaking.busy, "silence")

    def heard(self) -> list[tuple[str, str, str]]:
        return [(one.key, one.language, one.code) for one in self.said]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.speaking.close()


def test_it_is_said_in_the_language_asked_for(room: Room) -> None:
    for language in Language:
        room.speaking.say(Say(Spoken.TAKE_RECEIPT, language))
        room.quiet()
    assert room.heard() == [("take-receipt", "zh", ""), ("take-receipt", "en", "")]
    heard = [Sound.of_wav(wav).seconds for wav in room.loudspeaker.played]
    assert heard == pytest.approx([one.heard_s for one in room.said])
    assert room.speaking.well is True


def test_what_is_new_cuts_off_what_was_being_said(room: Room) -> None:
    room.hang(TURN)
    room.speaking.say(TAKE)
    room.quiet()
    assert room.heard() == [("turn-left", "zh", "DV-01"), ("take-card", "en", "")]
    assert len(room.loudspeaker.played) == 1


def test_of_many_at_once_the_last_is_heard(room: Room) -> None:
    for _ in range(20):
        room.speaking.say(TURN)
    room.speaking.say(TAKE)
    room.quiet()
    assert room.heard()[-1] == ("take-card", "en", "")
    assert len(room.said) == 21


@pytest.mark.parametrize(("effect", "code"), [(TURN, "DV-01"), (TAKE, "")])
def test_after_a_visit_only_what_is_for_who_leaves_is_heard_to_its_end(
    room: Room, effect: Say, code: str
) -> None:
    room.hang(effect)
    room.speaking.visit_over()
    if code:
        room.quiet()
        assert [one.code for one in room.said] == [code]
    else:
        assert room.speaking.busy
        assert not room.said


def test_no_volume_is_silence_and_some_is_quieter(room: Room) -> None:
    for room.volume in (0, 100, 25):
        room.speaking.say(TAKE)
        room.quiet()
    loud, quiet = (Sound.of_wav(wav).peak for wav in room.loudspeaker.played)
    assert quiet == pytest.approx(loud / 4, rel=0.01)


def test_trouble_is_noted_once_and_so_is_its_end(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kiosk.events")
    for mood in ("refuse", "refuse", "crash", "instant", "instant"):
        room.loudspeaker.set(mood)
        room.speaking.say(TAKE)
        room.quiet()
    notes = [record.getMessage() for record in caplog.records if "voice" in record.getMessage()]
    assert notes == [
        "device code=VO-01 name=voice up=False",
        "device code=VO-03 name=voice up=False",
        "device code= name=voice up=True",
    ]


def test_nothing_waits_for_a_voice_that_hangs(room: Room, tmp_path: Path) -> None:
    room.hang(TURN)
    room.speaking.close()
    assert not room.speaking.busy
    assert room.heard() == [("turn-left", "zh", "DV-01")]


# -- settings -------------------------------------------------------------------------------


def at(hour: int, *, trusted: bool = True) -> Now:
    return Now(0.0, datetime(2026, 11, 22, hour, 30, tzinfo=UTC), trusted)


@pytest.mark.parametrize(
    ("hours", "now", "volume"),
    [
        ("", at(3), 80),
        ("22:00-06:00", at(3), 30),
        ("22:00-06:00", at(22), 30),
        ("22:00-06:00", at(6), 80),
        ("22:00-06:00", at(12), 80),
        ("12:00-14:00", at(13), 30),
        ("12:00-14:00", at(14), 80),
        ("22:00-06:00", at(3, trusted=False), 80),
    ],
)
def test_at_night_it_is_quieter(hours: str, now: Now, volume: int) -> None:
    told = {"volume": 80, "quiet_volume": 30, "quiet_hours": hours}
    assert volume_of(Settings.model_validate({"voice": told}), now) == volume


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("KIND", "loud"),
        ("PLAYER", ""),
        ("PROGRAM", 'espeak "'),
        ("PROGRAM", ""),
        ("VOLUME", "101"),
        ("QUIET_HOURS", "25:00-06:00"),
        ("QUIET_HOURS", "06:00-06:00"),
        ("QUIET_HOURS", "night"),
    ],
)
def test_wrong_settings_stop_the_start(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match="voice"):
        load(None, {f"KIOSK_VOICE__{key}": value})


def test_settings_make_the_voice(tmp_path: Path) -> None:
    assert voice_of(Settings.model_validate({"voice": {"kind": "none"}})) is None
    told = {
        "program": "speak --as '{voice} {language}'",
        "player": "play -",
        "recordings": str(tmp_path),
    }
    made = voice_of(Settings.model_validate({"voice": told}))
    assert made is not None
    assert (made.player, made.recordings, made.synthesizes) == ("play -", tmp_path, True)
    usual = voice_of(Settings())
    assert usual is not None
    assert vars(usual) == vars(Voice()), "the settings' defaults are the library's"
