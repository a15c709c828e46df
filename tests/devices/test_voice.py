"""A voice: real speech of the real espeak-ng, and players and programs that do all that is bad.

A player here is a program as `aplay` is one; the real `aplay` plays into ALSA's null device.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin

from config.words import load_words
from devices.adapters.voice import VoiceDevice
from devices.contract import Device, DeviceState, Result
from devices.errors import DeviceError, Fault
from devices.simulators.loudspeaker import Loudspeaker
from devices.voice.sound import Sound, SoundError
from devices.voice.voice import VOICES, Utterance, Voice
from devices.worker import Cancel

WAIT_S = 20.0
ROOT = Path(__file__).resolve().parents[2]
WORDS = load_words()
ALOUD = [
    Utterance(key.removeprefix("voice."), text, language)
    for language, words in (("zh", WORDS.zh), ("en", WORDS.en))
    for key, text in words.items()
    if key.startswith("voice.")
]
SHORT = Utterance("short", "好", "zh")
TONE = Sound(8_000, 1, b"\x00\x40\x00\xc0" * 4_000)


def cancel() -> Cancel:
    return Cancel(WAIT_S)


def fault_of(call: Callable[[], object]) -> Fault:
    with pytest.raises(DeviceError) as failed:
        call()
    return failed.value.fault


@pytest.fixture
def loudspeaker(tmp_path: Path) -> Loudspeaker:
    return Loudspeaker(tmp_path / "card", "instant")


@pytest.fixture
def voice(loudspeaker: Loudspeaker) -> Voice:
    return Voice(player=loudspeaker.player, after_s=WAIT_S)


def player_pids(loudspeaker: Loudspeaker) -> list[int]:
    names = sorted(path.stem for path in loudspeaker.folder.glob("*.begun"))
    return [int(name.partition("-")[2]) for name in names]


def wait_for(holds: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < until_s, f"did not come: {what}"
        pause.wait(0.01)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


# Speech.


def test_everything_that_is_said_is_real_speech_of_a_sensible_length(voice: Voice) -> None:
    for one in ALOUD:
        sound = voice.speech(one, cancel())
        assert 0.8 < sound.seconds < 6.0, one
        assert 0.1 < sound.peak <= 1.0, one
        assert Sound.of_wav(sound.wav()) == sound


def phonemes(text: str) -> str:
    command = ["espeak-ng", "-v", VOICES["zh"], "-b", "1", "-x", "-q", "--stdin"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())


def test_chinese_is_spoken_as_mandarin_and_each_character_as_it_is_meant_here() -> None:
    """Another program's pinyin of the same sentences sounds the same, tone for tone."""
    texts = [one.text for one in ALOUD if one.language == "zh"]
    pinyin = [
        " ".join(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True))
        for text in texts
    ]
    heard = phonemes("\n".join(texts))
    assert "(en)" not in heard, "characters are read as the Latin letters of their pinyin"
    assert heard == phonemes("\n".join(re.sub("[，？。]", ",", one) for one in pinyin))


def test_a_sentence_is_made_once(voice: Voice) -> None:
    first = voice.sound(SHORT, cancel())
    assert voice.sound(SHORT, cancel()) is first
    voice.close()
    assert voice.sound(SHORT, cancel()) is not first


@pytest.mark.parametrize(
    "program",
    [
        ("no-such-program",),
        ("espeak-ng", "-v", "qqq", "--stdin", "--stdout"),
        ("false",),
        ("true",),
        ("cat",),
        ("yes",),
        ("sleep", "1000"),
        ("sh", "-c", "sleep 1000 & wait"),
        ("sh", "-c", "kill -SEGV $$"),
        ("head", "-c", "90000", "/dev/zero"),
        (),
    ],
    ids=lambda program: " ".join(program)[:20] or "none",
)
def test_a_program_that_gives_no_speech_is_said_to_in_time(
    program: tuple[str, ...], loudspeaker: Loudspeaker
) -> None:
    voice = Voice(program=program, player=loudspeaker.player, speech_s=0.3)
    began_s = time.monotonic()
    assert fault_of(lambda: voice.say(SHORT, cancel())) is Fault.SPEECH_FAILED
    assert time.monotonic() - began_s < WAIT_S / 2
    assert loudspeaker.begun == 0


def test_what_a_program_started_is_gone_with_it(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/part; mv {tmp_path}/part {tmp_path}/pid; wait"
    voice = Voice(program=("sh", "-c", script), speech_s=600.0)
    stop = Cancel(600.0)
    speaking = threading.Thread(target=lambda: fault_of(lambda: voice.speech(SHORT, stop)))
    speaking.start()
    wait_for((tmp_path / "pid").exists, "the program's own child")
    stop.cancel()
    speaking.join(WAIT_S)
    child = int((tmp_path / "pid").read_text())
    wait_for(lambda: gone(child), "its end")


@pytest.mark.parametrize(
    "sound", [Sound.silence(1.0), Sound(8_000, 1, b""), Sound(8_000, 1, TONE.samples * 50)]
)
def test_silence_nothing_and_no_end_are_no_speech(tmp_path: Path, sound: Sound) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(sound.wav())
    voice = Voice(program=("cat", str(path)))
    assert fault_of(lambda: voice.speech(SHORT, cancel())) is Fault.SPEECH_FAILED


# Recordings.


def test_a_recording_is_heard_instead_of_the_program(
    tmp_path: Path, loudspeaker: Loudspeaker
) -> None:
    voice = Voice(program=("false",), player=loudspeaker.player, recordings=tmp_path / "said")
    path = tmp_path / "said" / "zh" / "short.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(TONE.wav())
    assert voice.say(SHORT, cancel()) == pytest.approx(1.0)
    assert loudspeaker.played == [TONE.wav()]
    other = Utterance("short", "Good", "en")
    assert fault_of(lambda: voice.say(other, cancel())) is Fault.SPEECH_FAILED


@pytest.mark.parametrize(
    "data",
    [b"", b"ID3 an MP3", TONE.wav()[:60], Sound.silence(1.0).wav()],
    ids=["empty", "mp3", "short", "silent"],
)
def test_a_recording_of_no_use_is_passed_over(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "zh" / "short.wav"
    path.parent.mkdir()
    path.write_bytes(data)
    voice = Voice(recordings=tmp_path)
    assert voice.recorded(SHORT) is None
    assert voice.sound(SHORT, cancel()).peak > 0.1
    device = VoiceDevice(voice, (), name="voice")
    told = device.self_test(cancel())
    device.close()
    assert told.fault is not None


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "a/b", "A", "take card"])
def test_a_key_names_a_recording_and_nothing_else(key: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        Utterance(key, "x", "zh")


# The player.


def test_what_was_said_reached_the_player_whole(voice: Voice, loudspeaker: Loudspeaker) -> None:
    seconds = [voice.say(one, cancel()) for one in (SHORT, ALOUD[0])]
    sounds = [Sound.of_wav(wav) for wav in loudspeaker.played]
    assert [sound.seconds for sound in sounds] == pytest.approx(seconds)
    assert all(sound.peak > 0.1 for sound in sounds)


def test_volume(voice: Voice, loudspeaker: Loudspeaker) -> None:
    for percent in (100, 40):
        voice.say(SHORT, cancel(), volume_percent=percent)
    loud, quiet = (Sound.of_wav(wav).peak for wav in loudspeaker.played)
    assert quiet == pytest.approx(loud * 0.4, rel=0.01)


def test_the_real_aplay_plays_what_the_real_espeak_says() -> None:
    voice = Voice(player=("aplay", "-q", "-D", "null"), after_s=WAIT_S)
    assert voice.present() is None, "another device than the first card: who knows"
    assert voice.say(SHORT, cancel()) > 0.2
    voice.try_player(cancel())
    nowhere = Voice(player=("aplay", "-q", "-D", "no-such-card"), after_s=WAIT_S)
    assert fault_of(lambda: nowhere.say(SHORT, cancel())) is Fault.VOICE_ABSENT


@pytest.mark.parametrize(
    ("mood", "fault"),
    [
        ("refuse", Fault.VOICE_ABSENT),
        ("crash", Fault.PLAYER_FAILED),
        ("hang", Fault.PLAYER_FAILED),
    ],
)
def test_a_player_that_fails_is_said_to_and_the_next_is_heard(
    tmp_path: Path, mood: str, fault: Fault
) -> None:
    loudspeaker = Loudspeaker(tmp_path / "card", mood)
    hasty = Voice(player=loudspeaker.player, after_s=0.5 if mood == "hang" else WAIT_S)
    assert fault_of(lambda: hasty.say(SHORT, cancel())) is fault
    assert all(map(gone, player_pids(loudspeaker))), "it still runs"
    loudspeaker.set("instant")
    patient = Voice(player=loudspeaker.player, after_s=WAIT_S)
    assert patient.say(SHORT, cancel()) > 0.2
    assert len(loudspeaker.played) == 1


def test_a_missing_player_is_a_missing_voice() -> None:
    assert fault_of(lambda: Voice(player=("x-none",)).say(SHORT, cancel())) is Fault.VOICE_ABSENT


def test_it_is_cut_off_at_once(tmp_path: Path) -> None:
    loudspeaker = Loudspeaker(tmp_path / "card", "hang")
    voice = Voice(player=loudspeaker.player, after_s=600.0)
    stop, faults = Cancel(600.0), []
    speaking = threading.Thread(
        target=lambda: faults.append(fault_of(lambda: voice.say(SHORT, stop)))
    )
    speaking.start()
    wait_for(lambda: loudspeaker.begun == 1, "the player")
    stop.cancel()
    speaking.join(WAIT_S)
    assert faults == [Fault.CANCELLED]
    assert all(map(gone, player_pids(loudspeaker)))


def test_a_player_dies_with_the_terminal(tmp_path: Path) -> None:
    loudspeaker = Loudspeaker(tmp_path / "card", "hang")
    code = (
        "import sys; from devices.voice.voice import *; from devices.worker import Cancel; "
        "Voice(player=sys.argv[1:], after_s=600).say(Utterance('x', '好', 'zh'), Cancel(600))"
    )
    terminal = subprocess.Popen([sys.executable, "-c", code, *loudspeaker.player], cwd=ROOT)
    try:
        wait_for(lambda: loudspeaker.begun == 1, "the player")
        (pid,) = player_pids(loudspeaker)
        assert not gone(pid)
    finally:
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.wait()
    wait_for(lambda: gone(pid), "the end of the player")


# Sounds.


@given(st.binary(max_size=200), st.integers(0, 2**32 - 1), st.sampled_from([8_000, 22_050, 48_000]))
def test_a_sound_comes_back_as_it_was(samples: bytes, size: int, rate_hz: int) -> None:
    sound = Sound(rate_hz, 1, samples[: len(samples) // 2 * 2])
    wav = sound.wav()
    assert Sound.of_wav(wav) == sound
    # As programs write it that do not know the end yet.
    told = max(size, len(sound.samples)).to_bytes(4, "little")
    assert Sound.of_wav(wav[:40] + told + wav[44:]) == sound


@given(st.binary(max_size=80), st.integers(0, 60), st.integers(0, 255))
def test_bytes_are_a_sound_or_none(data: bytes, at: int, value: int) -> None:
    damaged = bytearray(TONE.wav()[:200])
    damaged[at] = value
    for some in (data, b"RIFF\x00\x00\x00\x00WAVE" + data, bytes(damaged)):
        try:
            sound = Sound.of_wav(some)
        except SoundError:
            continue
        assert 0.0 <= sound.peak <= 1.0
        assert len(sound.samples) <= len(some)


# The contract.


@pytest.fixture
def device(voice: Voice) -> Iterator[Device]:
    made = VoiceDevice(voice, [one for one in ALOUD if one.key == "test"])
    yield made
    made.close()


def test_the_self_test_is_not_heard_unless_it_should_be(
    device: Device, voice: Voice, loudspeaker: Loudspeaker
) -> None:
    told = device.self_test(cancel())
    assert told.result is Result.OK, told.steps
    assert [step.name for step in told.steps] == ["player", "speech"]
    assert all(float(told.figures[f"speech_{one}_s"]) > 1.0 for one in ("zh", "en"))
    assert [Sound.of_wav(wav).peak for wav in loudspeaker.played] == [0.0]
    aloud = VoiceDevice(voice, [one for one in ALOUD if one.key == "test"], aloud=True)
    assert aloud.self_test(cancel()).result is Result.OK
    aloud.close()
    assert [Sound.of_wav(wav).peak > 0.1 for wav in loudspeaker.played[1:]] == [False, True, True]


def test_a_card_that_is_pulled_and_put_back(device: Device, loudspeaker: Loudspeaker) -> None:
    loudspeaker.set("refuse")
    told = device.self_test(cancel())
    assert told.fault is Fault.VOICE_ABSENT
    assert device.status.state is DeviceState.ABSENT
    assert "No such file" in told.steps[0].detail
    loudspeaker.set("instant")
    assert device.self_test(cancel()).result is Result.OK
    assert device.status.state is DeviceState.ONLINE


def test_a_player_that_hangs_holds_no_self_test(device: Device, loudspeaker: Loudspeaker) -> None:
    loudspeaker.set("hang")
    told = device.self_test(Cancel(0.5))
    assert told.result is Result.FAILED
    assert told.fault is Fault.DEADLINE


def test_what_is_not_known_is_not_fine(device: Device, tmp_path: Path) -> None:
    device.open()
    wait_for(lambda: device.status.state is not DeviceState.STARTING, "an answer")
    assert device.status.state is DeviceState.UNKNOWN, "nobody knows of this player's card"
    assert device.capabilities.told() == {"synthesizer": True, "recordings": False}
    nowhere = VoiceDevice(Voice(recordings=tmp_path / "none", player=("true",)), ())
    assert nowhere.self_test(cancel()).fault is Fault.SPEECH_FAILED
    nowhere.close()
