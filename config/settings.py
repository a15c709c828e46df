"""Settings of one terminal: typed, from one TOML file and the environment.

An unknown key or a wrong value stops the start with the key's name, the value and what is
allowed. The environment overrides the file: `KIOSK_TERMINAL__CODE=LW042` sets
`[terminal] code`; a list is separated by commas.
"""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

ENVIRONMENT_PREFIX = "KIOSK_"
CODE = "ST-01"


class SettingsError(Exception):
    """The settings cannot be used. The text has one line for each wrong key."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def _hours(text: str) -> str:
    begin, _, end = text.partition("-")
    try:
        right = time.fromisoformat(begin) < time.fromisoformat(end)
    except ValueError:
        right = False
    if not right:
        raise ValueError("must be HH:MM-HH:MM, the first before the second, such as 09:00-17:00")
    return text


TerminalCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,4}[0-9]{3,4}$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Terminal(_Section):
    """The machine and where it stands."""

    code: TerminalCode = "LW000"
    site_zh: str = "未命名点位"
    site_en: str = "Unnamed site"
    tier: Literal["district", "street", "village", "bank"] = "street"
    staffed_hours: Annotated[
        str, StringConstraints(pattern=r"^\d\d:\d\d-\d\d:\d\d$"), AfterValidator(_hours)
    ] = "09:00-17:00"
    staffed_days: Annotated[str, StringConstraints(pattern=r"^[1-7]*$")] = "12345"
    counter_zh: str = "区政务服务中心"
    counter_en: str = "District service centre"
    phone: str = "0577-00001234"
    local_prefixes: tuple[str, ...] = ("浙江省温州市", "温州市")


class Screen(_Section):
    """The display. Sizes on screen are kept in millimetres (see `screens.theme`)."""

    mm_per_px: Annotated[float, Field(ge=0.05, le=1.0)] = 0.248
    # A window on somebody's desk may be a terminal made smaller; its letters shrink with it.
    width_px: Annotated[int, Field(ge=320, le=8000)] = 1080
    height_px: Annotated[int, Field(ge=320, le=8000)] = 1920
    full_screen: bool = True


class Reader(_Section):
    """The SAM-V reader. The card is awaited for `wait_s`.

    `port` is a serial device; for "samv-usb" `usb`, `usb:VID:PID` or `usb:BUS-PORT`; for
    "samv-vendor" the number of the vendor's API (1 to 16 serial, 1001 to 1016 USB), with the
    vendor's library at `library`. A serial reader's speed is found out where `baud` is "auto".
    """

    kind: Literal["samv-serial", "samv-usb", "samv-vendor", "none"] = "samv-serial"
    port: str = "/dev/ttyUSB0"
    library: str = ""
    baud: Literal[9600, 19200, 38400, 57600, 115200, "auto"] = "auto"
    wait_s: Seconds = 60
    wlt_library: str = ""

    @model_validator(mode="after")
    def _vendor_by_number(self) -> Reader:
        if self.kind == "samv-vendor" and not (self.port.isdecimal() and self.library):
            raise ValueError("samv-vendor needs port, a number, and library, a path")
        return self


class ChipReader(_Section):
    """PC/SC readers beside the SAM-V reader: social-security cards and travel documents.

    `name` is a part of the names of the readers to use, "" for any that pcscd knows.
    `certificates` is a folder of country certificates (CSCA): a document that none of them
    vouches for is read and recorded as "not authenticated".
    """

    kind: Literal["pcsc", "none"] = "none"
    name: str = ""
    certificates: str = ""


class Scanner(_Section):
    """A code scanner: on a serial line at `port`, or one that pretends to be a keyboard.

    Such a keyboard is told by its USB ids in `usb` (VID:PID in hex) and, where several of a
    kind are attached, by the beginning of its socket's name in `socket`.
    """

    kind: Literal["serial", "keyboard", "none"] = "none"
    port: str = ""
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 9600
    usb: Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{4}:[0-9A-Fa-f]{4})?$")] = ""
    socket: str = ""
    aim: bool = False  # it is set to begin each code with an AIM identifier such as ]Q1

    @model_validator(mode="after")
    def _somewhere(self) -> Scanner:
        needed = {"serial": "port", "keyboard": "usb"}.get(self.kind)
        if needed is not None and not getattr(self, needed):
            raise ValueError(f"{self.kind} needs {needed}")
        return self


def _command(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        raise ValueError(f"no command: {error}") from None
    return text


def _nightly(text: str) -> str:
    begin, _, end = text.partition("-")
    try:
        right = not text or time.fromisoformat(begin) != time.fromisoformat(end)
    except ValueError:
        right = False
    if not right:
        raise ValueError('must be HH:MM-HH:MM, such as 21:00-07:00, or ""')
    return text


Command = Annotated[str, AfterValidator(_command)]
Percent = Annotated[int, Field(ge=0, le=100)]


class Voice(_Section):
    """What is said aloud: the turn of the head, a card left behind, a receipt that is printed.

    "auto" speaks where a sound card is found, and nobody misses it elsewhere; with "speaker" the
    terminal is meant to speak, and `kiosk doctor` counts it as limited where it cannot.

    `program` takes text on its standard input and writes WAV to its output; `{voice}` in it is
    `voice_zh` or `voice_en`. `player` plays WAV from its standard input. `recordings` is a folder
    of WAV files, zh/take-card.wav, that are heard instead of the program. In `quiet_hours`,
    which may go over midnight, `quiet_volume` counts; 0 is silence.
    """

    kind: Literal["auto", "speaker", "none"] = "auto"
    program: Command = "espeak-ng -v {voice} -s 160 -b 1 --stdin --stdout"
    voice_zh: str = "cmn-latn-pinyin"
    voice_en: str = "en-gb"
    player: Annotated[Command, Field(min_length=1)] = "aplay -q"
    recordings: str = ""
    volume: Percent = 100
    quiet_hours: Annotated[
        str, StringConstraints(pattern=r"^(\d\d:\d\d-\d\d:\d\d)?$"), AfterValidator(_nightly)
    ] = ""
    quiet_volume: Percent = 40

    @model_validator(mode="after")
    def _some_words(self) -> Voice:
        if not (self.program or self.recordings):
            raise ValueError("needs program or recordings")
        return self


class Camera(_Section):
    """A camera that OpenCV opens by number or path.

    `exposure` is how long a frame is exposed, in 0.1 ms as V4L2 counts; 0 leaves it to the
    camera, which is right unless the light flickers or somebody stands before a window.
    """

    kind: Literal["v4l2", "none"] = "v4l2"
    device: str = "0"
    width_px: Annotated[int, Field(ge=320, le=4096)] = 640
    height_px: Annotated[int, Field(ge=240, le=3072)] = 480
    fps: Annotated[int, Field(ge=5, le=60)] = 25
    exposure: Annotated[int, Field(ge=0, le=10_000)] = 0


class DocumentCamera(Camera):
    """The document camera (高拍仪)."""

    device: str = "2"
    width_px: Annotated[int, Field(ge=320, le=4096)] = 1280
    height_px: Annotated[int, Field(ge=240, le=3072)] = 960


class Face(_Section):
    """Face verification: the threshold is a distance, smaller is stricter."""

    threshold: Annotated[float, Field(ge=0.2, le=0.6)] = 0.50
    frames: Annotated[int, Field(ge=1, le=15)] = 3
    tries: Annotated[int, Field(ge=1, le=5)] = 3
    deadline_s: Seconds = 15
    # What must show a living head; docs/liveness.md says what each is worth.
    liveness: Literal["turn", "infrared", "none"] = "none"
    infrared_device: str = ""  # number or path, as for [camera]

    @field_validator("infrared_device")
    @classmethod
    def _infrared_needs_a_camera(cls, device: str, info: ValidationInfo) -> str:
        if info.data.get("liveness") == "infrared" and not device:
            raise ValueError('liveness = "infrared" needs the infrared camera here')
        return device


class Printer(_Section):
    """Where receipts go, and the CUPS queue for A4 sheets.

    Receipts go to the CUPS queue `queue`, or for "escpos" to `address`: `tcp:HOST:PORT`,
    `serial:PATH` or `device:PATH` (such as device:/dev/usb/lp0). An ESC/POS printer that
    confirms nothing leaves every receipt unknown (PR-04): the resident is asked to look into
    the slot, each time. The test page of `kiosk doctor` tells which kind it is.

    Sheets go to `a4_queue`; without one to `queue` as well, which may be an office printer's.
    Beside an ESC/POS printer none are printed then, and who wants one is told so before.
    """

    kind: Literal["cups", "escpos", "none"] = "cups"
    address: Annotated[
        str, StringConstraints(pattern=r"^((tcp:\S+:\d+)|((serial|device):/\S+))?$")
    ] = ""
    queue: str = "receipt"
    a4_queue: str = ""
    server: str = ""

    @model_validator(mode="after")
    def _escpos_somewhere(self) -> Printer:
        if self.kind == "escpos" and not self.address:
            raise ValueError("escpos needs address")
        return self


class Backend(_Section):
    """The central backend. For TLS with certificates on both sides: paths of PEM files.

    `authorities` are those who vouch for the backend, "" is the system's choice;
    `certificate` and `certificate_key` are the terminal's own. `identity_codes`: it knows the
    codes of the province's app, so that residents may show one. `spread_s`: when line or power
    come back to all terminals at once, each starts within so many seconds: applications that
    may wait in all, over those that the backend takes a second (docs/reliability.md).
    """

    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] = "http://127.0.0.1:8080"
    connect_s: Seconds = 5
    answer_s: Seconds = 20
    authorities: str = ""
    certificate: str = ""
    certificate_key: str = ""
    identity_codes: bool = False
    spread_s: Annotated[float, Field(ge=0, le=86_400)] = 60

    @model_validator(mode="after")
    def _certificate_whole(self) -> Backend:
        if bool(self.certificate) != bool(self.certificate_key):
            raise ValueError("certificate and certificate_key go together")
        return self


class Sealing(_Section):
    """How applications are sealed to the backend (docs/architecture.md, "Sealing").

    `suite` "1" is HPKE, AES and Ed25519, "2" the national algorithms SM2, SM3 and SM4.
    `authority_keys` are the public keys of who signs the backend's key sets, as
    `central-backend keys` prints them; without one, nothing can be taken in. `key_set` is a
    file with a signed key set for a terminal that has not yet reached its backend. `module`
    ("package.module:object", installed beside the program) is a certified module's suite in the
    place of the software one.
    """

    suite: Literal["1", "2"] = "1"
    module: Annotated[str, StringConstraints(pattern=r"^([\w.]+:\w+)?$")] = ""
    authority_keys: tuple[
        Annotated[str, StringConstraints(pattern=r"^[12]:[A-Za-z0-9_-]{43,88}$")], ...
    ] = ()
    key_set: str = ""


class Data(_Section):
    """Where this terminal keeps what must last, and the control socket."""

    directory: str = "/var/lib/ou-kiosk"
    socket: str = "/run/ou-kiosk/control.sock"


class Catalogue(_Section):
    """The catalogue's directory of YAML; "" is the one that comes with the program.

    With `packs`, a directory in which `kiosk catalogue install` keeps packs, the terminal
    starts from the pack there and takes a new one into service between visits.
    """

    directory: str = ""
    packs: str = ""


class Idle(_Section):
    """When nobody touches the screen. See docs/architecture.md, "Back and again"."""

    normal_s: Seconds = 90
    large_s: Seconds = 180
    warning_s: Annotated[float, Field(ge=20, le=300)] = 30


class Staff(_Section):
    """Authorised persons: SHA-256 of terminal salt and ID number, as `kiosk badge` prints it."""

    salt: str = ""
    badges: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...] = ()


class Settings(_Section):
    """All settings of one terminal."""

    terminal: Terminal = Terminal()
    screen: Screen = Screen()
    reader: Reader = Reader()
    chip_reader: ChipReader = ChipReader()
    scanner: Scanner = Scanner()
    voice: Voice = Voice()
    camera: Camera = Camera()
    document_camera: DocumentCamera = DocumentCamera()
    face: Face = Face()
    printer: Printer = Printer()
    backend: Backend = Backend()
    sealing: Sealing = Sealing()
    data: Data = Data()
    catalogue: Catalogue = Catalogue()
    idle: Idle = Idle()
    staff: Staff = Staff()


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `path` (None: defaults) and the environment.

    Raises:
        SettingsError: a file that cannot be read, an unknown key, a wrong value.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{CODE} {path}: cannot be read: {error}") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{CODE} {path}: not TOML: {error}") from None
    set_by: dict[tuple[str, str], str] = {}
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            section, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__", 1)
            inner = values.setdefault(section, {})
            if isinstance(inner, dict):
                inner[key] = _value(section, key, text)
                set_by[section, key] = name
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = []
        for details in error.errors():
            variable = set_by.get(tuple(details["loc"][:2]))  # type: ignore[arg-type]
            lines.append(_line(variable or str(path or "environment"), details))
        raise SettingsError("\n".join(lines)) from None


def _value(section: str, key: str, text: str) -> Any:
    """A variable's text as the kind of value that its key takes, where text alone is none."""
    model = _model(section)
    field = model.model_fields.get(key) if model is not None else None
    if field is None:
        return text
    kind = get_origin(field.annotation)
    if kind is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind is Literal and isinstance(get_args(field.annotation)[0], int) and text.isdigit():
        return int(text)
    return text


def _line(origin: str, details: Any) -> str:
    location = details["loc"]
    key = ".".join(str(part) for part in location)
    # Who may vouch for residents is nobody's business, not even in a wrong line.
    value = "(not shown)" if location[0] == "staff" else repr(details["input"])
    if details["type"] == "extra_forbidden":
        return f"{CODE} {origin}: {key} = {value}: unknown key; allowed: {_allowed(location)}"
    said = details["msg"].removeprefix("Value error, ")
    return f"{CODE} {origin}: {key} = {value}: {said}"


def _allowed(location: tuple[str | int, ...]) -> str:
    model = _model(str(location[0])) if len(location) > 1 else Settings
    return ", ".join((model or Settings).model_fields)


def _model(section: str) -> type[BaseModel] | None:
    """The model of one section, None where there is no such section."""
    field = Settings.model_fields.get(section)
    annotation = field.annotation if field is not None else None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None
