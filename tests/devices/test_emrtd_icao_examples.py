"""The worked examples of ICAO 9303 part 11: numbers that nobody here wrote.

Appendix D (basic access control and secure messaging) and appendix G.1 (PACE over an elliptic
curve with generic mapping), each value as the standard prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from devices.pcsc.apdu import CardProtocolError, Command, Refused, Response
from devices.pcsc.emrtd import bac, crypto, pace
from devices.pcsc.emrtd.crypto import AES128, DES3
from devices.pcsc.emrtd.curves import CURVES
from devices.pcsc.emrtd.key import DocumentKey, check_digit, parse
from devices.pcsc.emrtd.messaging import SecureMessaging

KEY = DocumentKey("L898902C<", "690806", "940623")
H = bytes.fromhex


class Script:
    """A chip that expects commands, byte for byte, and answers from a list."""

    def __init__(self, *turns: tuple[str, str]) -> None:
        self._turns: Iterator[tuple[str, str]] = iter(turns)

    def __call__(self, apdu: bytes) -> bytes:
        asked, answer = next(self._turns)
        assert apdu.hex().upper() == asked
        return H(answer)

    def assert_finished(self) -> None:
        assert next(self._turns, None) is None


def given(*values: bytes) -> Callable[[int], bytes]:
    """Random numbers that are known beforehand."""
    left = iter(values)

    def random(size: int) -> bytes:
        value = next(left)
        assert len(value) == size
        return value

    return random


# Appendix D


def test_check_digits_of_the_examples() -> None:
    assert check_digit("L898902C<") == "3"
    assert check_digit("690806") == "1"
    assert check_digit("940623") == "6"
    assert check_digit("D23145890734") == "9"
    assert check_digit("340712") == "7"
    assert check_digit("950712") == "2"


@pytest.mark.parametrize(
    ("lines", "information"),
    [
        (
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
            "L898902C<3UTO6908061F9406236ZE184226B<<<<<14",
            b"L898902C<369080619406236",
        ),
        (
            "I<UTOSTEVENSON<<PETER<<<<<<<<<<<<<<<D23145890<UTO3407127M95071227349<<<8",
            b"D23145890734934071279507122",
        ),
        (
            "I<UTOD23145890<7349<<<<<<<<<<<3407127M9507122UTO<<<<<<<<<<<2"
            "STEVENSON<<PETER<JOHN<<<<<<<<<",
            b"D23145890734934071279507122",
        ),
        # The standard prints a wrong composite check digit here.
        (
            "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<L898902C<3UTO6908061F9406236<<<<<<<8",
            b"L898902C<369080619406236",
        ),
    ],
    ids=["TD3", "TD2-long-number", "TD1-long-number", "TD2"],
)
def test_mrz_information(lines: str, information: bytes) -> None:
    assert DocumentKey.of_mrz(lines).information == information


def test_keys_from_the_data_page() -> None:
    seed = bac.seed_of(KEY)
    assert seed == H("239AB9CB282DAF66231DC5A4DF6BFBAE")
    assert bac.keys_of(seed) == (
        H("AB94FDECF2674FDFB9B391F85D7F76F2"),
        H("7962D9ECE03D1ACD4C76089DCE131543"),
    )


def test_parity_is_adjusted_bit_by_bit() -> None:
    assert crypto.odd_parity(H("AB94FCEDF2664EDF")) == H("AB94FDECF2674FDF")
    assert crypto.odd_parity(H("B9B291F85D7F77F2")) == H("B9B391F85D7F76F2")


def test_basic_access_control_byte_for_byte() -> None:
    chip = Script(
        ("0084000008", "4608F919887022129000"),
        (
            "0082000028"
            "72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2"
            "5F1448EEA8AD90A7"
            "28",
            "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D74499000",
        ),
    )
    random = given(H("781723860C06C226"), H("0B795240CB7049B01C19B33E32804F0B"))
    session = bac.open_chip(chip, KEY, random)
    chip.assert_finished()
    assert session.key_enc == H("979EC13B1CBFE9DCD01AB0FED307EAE5")
    assert session.key_mac == H("F1CB1F1FB5ADF208806B89DC579DC1F8")
    assert session.counter == 0x887022120C06C226


def session_of_appendix_d() -> SecureMessaging:
    return SecureMessaging(
        DES3,
        H("979EC13B1CBFE9DCD01AB0FED307EAE5"),
        H("F1CB1F1FB5ADF208806B89DC579DC1F8"),
        0x887022120C06C226,
    )


def test_secure_messaging_byte_for_byte() -> None:
    session = session_of_appendix_d()
    chip = Script(
        (
            "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
            "990290008E08FA855A5D4C50A8ED9000",
        ),
        (
            "0CB000000D9701048E08ED6705417E96BA5500",
            "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000",
        ),
        (
            "0CB000040D9701128E082EA28A70F3C7B53500",
            "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
        ),
    )
    select = session.send(chip, Command(0, 0xA4, 0x02, 0x0C, H("011E")))
    assert select == Response(b"", 0x9000)
    start = session.send(chip, Command(0, 0xB0, 0, 0, le=4))
    assert start == Response(H("60145F01"), 0x9000)
    rest = session.send(chip, Command(0, 0xB0, 0, 4, le=18))
    assert rest == Response(H("04303130365F36063034303030305C026175"), 0x9000)
    chip.assert_finished()


@pytest.mark.parametrize("at", range(16))
def test_a_changed_answer_is_refused_and_ends_the_session(at: int) -> None:
    session = session_of_appendix_d()
    session.wrap(Command(0, 0xA4, 0x02, 0x0C, H("011E")))
    answer = bytearray(H("990290008E08FA855A5D4C50A8ED"))
    at %= len(answer)
    answer[at] ^= 0x01
    with pytest.raises(CardProtocolError):
        session.unwrap(Response(bytes(answer), 0x9000))
    with pytest.raises(CardProtocolError, match="over"):
        session.wrap(Command(0, 0xB0, 0, 0, le=4))


def test_a_replayed_answer_is_refused() -> None:
    session = session_of_appendix_d()
    answer = Response(H("990290008E08FA855A5D4C50A8ED"), 0x9000)
    session.wrap(Command(0, 0xA4, 0x02, 0x0C, H("011E")))
    assert session.unwrap(answer).ok
    session.wrap(Command(0, 0xA4, 0x02, 0x0C, H("011E")))
    with pytest.raises(CardProtocolError):
        session.unwrap(answer)


# Appendix G.1

PACE_KEY = DocumentKey("T22000129", "640812", "101031")
OID = H("04007F00070202040202")
PK_MAP_IFD = (
    "047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E"
    "544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D"
)
PK_MAP_IC = (
    "04824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F57"
    "30D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C54"
)
PK_DH_IFD = (
    "042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C"
    "3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB36462"
)
PK_DH_IC = (
    "049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB"
    "7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F094"
)
SK_MAP_IFD = 0x7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99
SK_MAP_IC = 0x498FF49756F2DC1587840041839A85982BE7761D14715FB091EFA7BCE9058560
SK_DH_IFD = 0xA73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595


def test_card_access_offers_generic_mapping_on_brainpool_256() -> None:
    (info,) = pace.offers(H("31143012060A04007F0007020204020202010202010D"))
    assert info.oid == OID
    assert info.suite is AES128
    assert info.curve.name == "brainpoolP256r1"


def test_password_and_nonce() -> None:
    reference, secret = pace.password_of(PACE_KEY)
    assert reference == 1
    assert secret == H("7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD")
    key = AES128.derive(secret, crypto.COUNTER_PACE)
    assert key == H("89DED1B26624EC1E634C1989302849DD")
    nonce = AES128.decrypt(key, H("95A3A016522EE98D01E76CB6B98B42C3"))
    assert nonce == H("3F00C4D39D153F2B2A214A078D899B22")


def test_generic_mapping() -> None:
    curve = CURVES[13]
    assert curve.encode(curve.multiply(SK_MAP_IC, curve.g)) == H(PK_MAP_IC)
    shared = curve.multiply(SK_MAP_IFD, curve.decode(H(PK_MAP_IC)))
    assert shared == curve.multiply(SK_MAP_IC, curve.decode(H(PK_MAP_IFD)))
    assert curve.encode(shared) == H(
        "0460332EF2450B5D247EF6D3868397D398852ED6E8CAF6FFEEF6BF85CA57057FD5"
        "0840CA7415BAF3E43BD414D35AA4608B93A2CAF3A4E3EA4E82C9C13D03EB7181"
    )
    assert shared is not None
    mapped = pace.map_generic(curve, H("3F00C4D39D153F2B2A214A078D899B22"), shared)
    assert curve.encode(mapped.g) == H(
        "048CED63C91426D4F0EB1435E7CB1D74A46723A0AF21C89634F65A9AE87A9265E2"
        "8C879506743F8611AC33645C5B985C80B5F09A0B83407C1B6A4D857AE76FE522"
    )
    agreed = mapped.multiply(SK_DH_IFD, mapped.decode(H(PK_DH_IC)))
    assert agreed is not None
    secret = H("28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925")
    assert agreed[0].to_bytes(32, "big") == secret


def transcript(proof: str = "3ABB9674BCE93C08") -> Script:
    return Script(
        ("0022C1A40F800A04007F00070202040202830101", "9000"),
        ("10860000027C0000", "7C12801095A3A016522EE98D01E76CB6B98B42C39000"),
        (f"10860000457C438141{PK_MAP_IFD}00", f"7C438241{PK_MAP_IC}9000"),
        (f"10860000457C438341{PK_DH_IFD}00", f"7C438441{PK_DH_IC}9000"),
        ("008600000C7C0A8508C2B0BD78D94BA86600", f"7C0A8608{proof}9000"),
    )


def scalars() -> Callable[[int], int]:
    left = iter((SK_MAP_IFD, SK_DH_IFD))
    return lambda _: next(left)


def test_pace_byte_for_byte() -> None:
    (info,) = pace.offers(H("31143012060A04007F0007020204020202010202010D"))
    chip = transcript()
    session = pace.open_chip(chip, info, PACE_KEY, scalars())
    chip.assert_finished()
    assert session.key_enc == H("F5F0E35C0D7161EE6724EE513A0D9A7F")
    assert session.key_mac == H("FE251C7858B356B24514B3BD5F4297D1")
    assert session.counter == 0


def test_a_chip_that_does_not_know_the_password_is_refused() -> None:
    (info,) = pace.offers(H("31143012060A04007F0007020204020202010202010D"))
    with pytest.raises(CardProtocolError, match="proof"):
        pace.open_chip(transcript("3ABB9674BCE93C09"), info, PACE_KEY, scalars())


def test_a_chip_that_sends_our_own_key_back_is_refused() -> None:
    (info,) = pace.offers(H("31143012060A04007F0007020204020202010202010D"))
    chip = Script(
        ("0022C1A40F800A04007F00070202040202830101", "9000"),
        ("10860000027C0000", "7C12801095A3A016522EE98D01E76CB6B98B42C39000"),
        (f"10860000457C438141{PK_MAP_IFD}00", f"7C438241{PK_MAP_IFD}9000"),
    )
    with pytest.raises(CardProtocolError, match="own key"):
        pace.open_chip(chip, info, PACE_KEY, scalars())


def test_aes_secure_messaging_after_pace() -> None:
    """SELECT of the application in the session of G.1; from a public implementation's vectors."""
    session = SecureMessaging(
        AES128, H("F5F0E35C0D7161EE6724EE513A0D9A7F"), H("FE251C7858B356B24514B3BD5F4297D1"), 0
    )
    chip = Script(
        (
            "0CA4040C1D871101752F676B09FAC86A87D632749A49C7CC8E08C18BA1FCE707BD9F00",
            "990290008E08BEA7B381C494A0799000",
        )
    )
    answer = session.send(chip, Command(0, 0xA4, 0x04, 0x0C, H("A0000002471001")))
    assert answer == Response(b"", 0x9000)


def test_a_wrong_key_is_told_from_a_broken_chip() -> None:
    chip = Script(
        ("0084000008", "4608F919887022129000"),
        (
            "0082000028"
            "72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2"
            "5F1448EEA8AD90A7"
            "28",
            "6300",
        ),
    )
    random = given(H("781723860C06C226"), H("0B795240CB7049B01C19B33E32804F0B"))
    with pytest.raises(Refused) as refused:
        bac.open_chip(chip, KEY, random)
    assert bac.is_wrong_key(refused.value)


def test_nothing_personal_in_a_repr() -> None:
    zone = parse(
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C<3UTO6908061F9406236ZE184226B<<<<<14"
    )
    for text in (repr(zone), repr(KEY), repr(session_of_appendix_d())):
        assert "ERIKSSON" not in text
        assert "L898902C" not in text
        assert "x97" not in text
    assert (zone.surname, zone.given_names) == ("ERIKSSON", "ANNA MARIA")
