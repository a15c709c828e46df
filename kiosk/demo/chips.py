"""The demo's reader of chip cards: virtual cards on a real pcscd where one can be had here.

Starting a pcscd of one's own takes Debian's pcscd, vsmartcard-vpcd, and root or user
namespaces. Where that is not to be had, the same cards lie on a reader without a service.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.emrtd.sod import TrustStore
from devices.readers import ChipReader
from devices.records import PcscStatus
from devices.simulators import photos
from devices.simulators.chips import SimulatedChips
from devices.simulators.passport import Country, VirtualPassport, details, make_files, mrz_of
from devices.simulators.pcsc import PcscStack, VirtualCard, VirtualSlot, VirtualUidCard
from devices.simulators.socialcard import ELDER, VirtualSocialCard, records_of

SOCIAL: Final = "social"
PASSPORT: Final = "passport"
BANK_CARD: Final = "bank-card"
DATA_PAGE: Final = {"number": "E00000001", "birth": "1985-08-20", "expiry": "2034-06-23"}
"""What stands on the passport's photo page."""
_FACE: Final = "hopper"
_PICTURE_PX: Final = (413, 531)


class DemoChips:
    """One reader with one slot."""

    def __init__(self, folder: Path) -> None:
        """The country that signed the passport is put into `folder`."""
        country = Country()
        self._certificates = folder / "countries"
        self._certificates.mkdir(exist_ok=True)
        (self._certificates / "utopia.cer").write_bytes(country.authority)
        self._country = country
        self._stack: PcscStack | None = None
        self._slot: VirtualSlot | SimulatedChips
        try:
            self._stack = PcscStack()
            self._slot = self._stack.slot()
        except (OSError, TimeoutError):
            self._slot = SimulatedChips(TrustStore.of_folder(self._certificates))

    @property
    def over_pcscd(self) -> bool:
        """Whether a real pcscd stands between card and driver."""
        return self._stack is not None

    def start(self, on_status: Callable[[PcscStatus], None]) -> ChipReader:
        """The driver, for the terminal."""
        if isinstance(self._slot, SimulatedChips):
            self._slot.on_status = on_status
            return self._slot
        from devices.pcsc.reader import PcscReader

        assert self._stack is not None
        return PcscReader(
            certificates=self._certificates,
            socket_path=self._stack.socket_path,
            on_status=on_status,
        )

    def put(self, name: str) -> None:
        """Lay one of the cards down."""
        self._slot.put_card(self._card(name))

    def take(self) -> None:
        """Take up what lies there."""
        self._slot.take_card()

    def close(self) -> None:
        """End everything."""
        self.take()
        if self._stack is not None:
            self._stack.close()

    def _card(self, name: str) -> VirtualCard:
        if name == SOCIAL:
            return VirtualSocialCard(records_of(ELDER))
        if name == BANK_CARD:
            return VirtualUidCard(bytes.fromhex("FFCA000000"))
        birth, expiry = (DATA_PAGE[key].replace("-", "")[2:] for key in ("birth", "expiry"))
        mrz = mrz_of(DATA_PAGE["number"], birth, expiry, surname="WANG", given="JIANGUO", sex="M")
        native = details("王<<建国")
        files = make_files(self._country, mrz, _picture(), size_px=_PICTURE_PX, dg11=native)
        return VirtualPassport(files, DocumentKey.of_mrz(mrz))


def _picture() -> bytes:
    from PIL import Image

    portrait = Image.fromarray(np.asarray(photos.portrait_image(_FACE)))
    jpeg = io.BytesIO()
    portrait.resize(_PICTURE_PX, Image.Resampling.LANCZOS).save(jpeg, "JPEG", quality=90)
    return jpeg.getvalue()
