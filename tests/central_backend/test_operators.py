"""The operators' pages in a real browser, and what no browser would send."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from backend_help import WAIT_S, SealingTerminal, hand_in, make_document
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from central_backend import passwords
from central_backend.database import (
    AuditEntry,
    Case,
    OperatorSession,
    Terminal,
)
from central_backend.embedded import EmbeddedBackend
from central_backend.flags import FlagKind
from central_backend.settings import Department, Operator, Settings
from central_backend.words import WORDS, Speech
from kiosk.contract import (
    ApplicationDocument,
    CaseState,
    Contact,
    DocumentKind,
    HandedMaterial,
    MaterialStatus,
    canonical_bytes,
)
from kiosk.contract.envelope import Heartbeat

WORD = "a long enough word"
EVIL = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 300


def document(running: int, name: str, item: str, *components: str) -> ApplicationDocument:
    """An application with something on every part of the page."""
    parts = {"deed-1": JPEG}
    made = make_document(
        running,
        name=name,
        parts=parts,
        item=item,
        components=components,
        number=f"99010219530412{running:03d}X",
    )
    deed, photo = made.materials
    return made.model_copy(
        update={
            "materials": (
                deed.model_copy(update={"title": "不动产权证书"}),
                HandedMaterial(
                    id=photo.id,
                    title="一寸照片",
                    status=MaterialStatus.PLEDGED,
                    pledge_due=date(2026, 6, 1),
                ),
            ),
            "contact": Contact(name=name, phone="13900001234"),
            "form": {"reason": "补办", "copies": 2},
        }
    )


@pytest.fixture(scope="module")
def backend() -> Iterator[EmbeddedBackend]:
    """A backend with a day's work in it."""
    settings = Settings(
        operators=(Operator(name="li", password=passwords.hashed(WORD)),),
        departments=(
            Department(id="social", zh="社保局", en="Social Insurance", items=("SI-001",)),
            Department(id="medical", zh="医保局", en="Medical Insurance", items=("MI-004",)),
        ),
    )
    with EmbeddedBackend(settings=settings) as running:
        terminal = SealingTerminal(running.keyring)
        people = (
            ("欧阳娜娜", "SI-001", ()),
            (EVIL, "TX-001", ("SI-001", "MI-004")),
            ("王秀英", "MI-004", ()),
        )
        for number, (name, item, components) in enumerate(people, start=1):
            sealed = terminal.seal(document(number, name, item, *components), {"deed-1": JPEG})
            body = terminal.handover(sealed)
            if number == 2:  # its chain entry never comes: a gap
                terminal.handover(sealed)
            assert hand_in(running.url, sealed, body).status_code == 201
        for code, ago_s, depth in (("LW042", 60, 0), ("LW055", 60, 0), ("LW107", 90_000, 14)):
            beat = Heartbeat(
                terminal=code,
                version="0.4.0",
                pack="2026.11",
                queue_depth=depth,
                oldest_age_s=88_200.0 if depth else None,
                quarantined=1 if depth else 0,
                bytes=depth * 90_000,
                key_ids_in_use=(terminal.entries[0].key_id,) if depth else (),
                intake="closed" if code == "LW055" else "open",
                intake_code="QU-02" if code == "LW055" else "",
            )
            url = f"{running.url}/v1/heartbeat"
            assert requests.post(url, canonical_bytes(beat), timeout=WAIT_S).status_code == 200
            with Session(running.engine) as session, session.begin():
                at = datetime.now(UTC) - timedelta(seconds=ago_s)
                session.execute(
                    update(Terminal)
                    .where(Terminal.code == code)
                    .values(heartbeat_at=at, first_seen_at=at)
                )
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    """Debian's Chromium, without a screen and without a word to anybody else."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        for flag in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1000",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = Chrome(options, ChromeService("/usr/bin/chromedriver"))
        try:
            browser.set_page_load_timeout(60)
            yield browser
        finally:
            browser.quit()


class Person:
    """Somebody in front of the browser."""

    def __init__(self, chrome: Chrome, url: str) -> None:
        self.chrome = chrome
        self.url = url

    def open(self, path: str) -> None:
        self.chrome.get(f"{self.url}/operators{path}")

    def log_in(self, word: str = WORD) -> None:
        self.chrome.delete_all_cookies()
        self.open("/login?language=en")
        self.chrome.find_element(By.NAME, "operator").send_keys("li")
        self.chrome.find_element(By.NAME, "password").send_keys(word)
        self.press("Log in")

    def press(self, text: str, within: Any = None) -> None:
        """Press and wait for the page that follows."""
        self._leave((within or self.chrome).find_element(By.XPATH, f".//button[text()='{text}']"))

    def press_only(self, text: str, within: Any) -> None:
        """Press where the page is not left."""
        within.find_element(By.XPATH, f".//button[text()='{text}']").click()

    def unfold(self, text: str) -> Any:
        """Open what is folded up under `text`."""
        folded = self.chrome.find_element(By.XPATH, f"//details[summary[text()='{text}']]")
        folded.find_element(By.TAG_NAME, "summary").click()
        return folded

    def follow(self, text: str) -> None:
        """Follow a link and wait for its page."""
        self._leave(self.chrome.find_element(By.LINK_TEXT, text))

    def _leave(self, by: Any) -> None:
        """The old page is marked; the new one is there when the mark is gone."""
        self.chrome.execute_script("window.old = true")
        by.click()
        # Between two pages there is no document that could be asked.
        WebDriverWait(self.chrome, WAIT_S, ignored_exceptions=[WebDriverException]).until(
            lambda chrome: chrome.execute_script(
                "return !window.old && document.readyState === 'complete'"
            )
        )

    @property
    def text(self) -> str:
        return self.chrome.find_element(By.TAG_NAME, "body").text

    def picture(self, name: str) -> None:
        """Only where somebody wants to look: OPERATORS_PICTURES is a directory."""
        place = os.environ.get("OPERATORS_PICTURES")
        if place:
            self.chrome.save_screenshot(str(Path(place) / f"{name}.png"))


@pytest.fixture
def person(chrome: Chrome, backend: EmbeddedBackend) -> Person:
    return Person(chrome, backend.url)


def case_of(backend: EmbeddedBackend, item: str) -> str:
    with Session(backend.engine) as session:
        return session.scalars(select(Case.case_number).where(Case.item == item)).one()


def test_a_wrong_password_lets_nobody_in(person: Person) -> None:
    person.log_in("not the word at all")
    assert "Operator or password is wrong." in person.text
    person.picture("login")
    person.open("/cases")
    assert person.chrome.current_url.endswith("/operators/login")


def test_cases_are_filtered_opened_and_moved_and_the_trail_tells_it(
    person: Person, backend: EmbeddedBackend
) -> None:
    person.log_in()
    assert person.chrome.current_url.endswith("/operators/cases")
    person.picture("cases")
    rows = person.chrome.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert len(rows) == 3
    assert "欧阳" not in person.text, "nothing personal on a list"
    Select(person.chrome.find_element(By.NAME, "department")).select_by_visible_text(
        "Social Insurance"
    )
    person.press("Filter")
    assert len(person.chrome.find_elements(By.CSS_SELECTOR, "tbody tr")) == 2
    number = case_of(backend, "SI-001")
    person.follow(number)
    assert "欧阳娜娜" in person.text
    assert "99010219530412001X" in person.text
    assert "Every view is recorded" in person.text
    way = person.unfold("→ To be corrected")
    person.press_only("Move", way)
    assert person.chrome.current_url.endswith(number), "the browser asks for reason and day"
    reason = Select(way.find_element(By.NAME, "reason"))
    reason.select_by_visible_text("A picture of a paper cannot be read")
    until = (datetime.now(UTC) + timedelta(days=20)).date()
    person.chrome.execute_script(
        "arguments[0].value = arguments[1]", way.find_element(By.NAME, "until"), f"{until}"
    )
    way.find_element(By.XPATH, ".//label[contains(., '不动产权证书')]/input").click()
    way.find_element(By.NAME, "note").send_keys(f"照片不清楚，请重拍{EVIL}")
    person.picture("correct")
    person.press("Move", way)
    assert f"照片不清楚，请重拍{EVIL}" in person.text
    assert f"Papers to bring: 不动产权证书\nLast day: {until}" in person.text
    person.press("Move", person.unfold("→ Accepted"))
    person.picture("case")
    trail = person.chrome.find_element(By.CSS_SELECTOR, "main > section:last-child").text
    moved = "Social Insurance: Received → To be corrected · A picture of a paper cannot be read"
    assert moved in trail
    assert re.search(r"To be corrected → Accepted · SL\d{8}000001", trail)
    assert trail.count("viewed") >= 3
    person.open("/cases?state=accepted")
    assert person.chrome.find_element(By.CSS_SELECTOR, "tbody tr a").text == number
    person.open("/cases?number=SL-nothing")
    assert "No case fits." in person.text


def test_a_planted_script_is_shown_as_text(person: Person, backend: EmbeddedBackend) -> None:
    person.log_in()
    person.open(f"/cases/{case_of(backend, 'TX-001')}")
    assert EVIL in person.text
    assert "owned" not in person.chrome.title
    assert person.chrome.find_elements(By.TAG_NAME, "img") == []
    assert person.chrome.find_elements(By.TAG_NAME, "script") == []
    names = [one.text for one in person.chrome.find_elements(By.CSS_SELECTOR, ".line strong")]
    assert names == ["Medical Insurance", "Social Insurance"]
    person.picture("bundle")
    loaded = person.chrome.execute_script(
        "return performance.getEntriesByType('resource').map(one => one.name)"
    )
    assert loaded
    assert all(address.startswith(person.url) for address in loaded)
    refused = [line for line in person.chrome.get_log("browser") if "favicon" not in str(line)]
    assert [line for line in refused if "Content Security" in line["message"]] == []


def test_terminals_and_what_must_be_looked_at_in_both_languages(person: Person) -> None:
    person.log_in()
    person.follow("Terminals")
    rows = person.chrome.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert rows[0].text.startswith("LW107 Overdue")
    assert "1 d 30 min" in rows[0].text
    assert re.match("LW055 In time .* No QU-02 ", rows[1].text)
    assert re.match("LW042 In time .* Yes ", rows[2].text)
    person.picture("terminals")
    person.follow("To look at")
    assert "Signature unknown or wrong" in person.text
    assert re.search("Signing key 1-[0-9a-f]{20} is not enrolled", person.text)
    missing = person.chrome.find_elements(By.CSS_SELECTOR, "section")[1]
    assert "LW042 3 1" in missing.text
    person.picture("flags")
    person.press("Done")
    assert "Nothing to look at." in person.text
    person.follow("中文")
    assert "办件编号" in person.text
    person.picture("cases-zh")
    person.follow("待查")
    assert "没有要查的。" in person.text
    person.press("退出")
    person.open("/terminals")
    assert person.chrome.current_url.endswith("/operators/login")


# --- what no browser would send


def logged_in(backend: EmbeddedBackend) -> requests.Session:
    """A program with an operator's session."""
    program = requests.Session()
    url = f"{backend.url}/operators/login"
    page = program.get(url, timeout=WAIT_S).text
    form = {"operator": "li", "password": WORD, "csrf": _word(page)}
    answer = program.post(url, form, timeout=WAIT_S, allow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/operators" in cookie
    return program


def _word(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_form_without_the_sessions_word_does_nothing(backend: EmbeddedBackend) -> None:
    program = logged_in(backend)
    number = case_of(backend, "MI-004")
    url = f"{backend.url}/operators/cases/{number}/move"
    form = {"department": "medical", "to": "accepted"}
    wrong: tuple[dict[str, str], ...] = ({}, {"csrf": ""}, {"csrf": "?"}, {"csrf": "x" * 20_000})
    for more in wrong:
        assert program.post(url, {**form, **more}, timeout=WAIT_S).status_code == 403
    word = _word(program.get(url.removesuffix("/move"), timeout=WAIT_S).text)
    odd = program.post(url, {**form, "to": "eaten", "csrf": word}, timeout=WAIT_S)
    assert odd.status_code == 404
    for more in ({"reason": "whim"}, {"until": "soon"}):
        refused = {**form, "to": "refused", "csrf": word, **more}
        assert program.post(url, refused, timeout=WAIT_S).status_code == 404
    bare = program.post(url, {**form, "to": "refused", "csrf": word}, timeout=WAIT_S)
    assert (bare.status_code, "请选择原因或结果" in bare.text) == (409, True)
    many = {f"bring.{at}": "yes" for at in range(300)}
    assert program.post(url, {**form, **many}, timeout=WAIT_S).status_code == 403
    elsewhere = program.post(url, {**form, "department": "x", "csrf": word}, timeout=WAIT_S)
    assert elsewhere.status_code == 404
    stranger = requests.post(url, {**form, "csrf": word}, timeout=WAIT_S, allow_redirects=False)
    assert stranger.headers["location"] == "/operators/login"
    with Session(backend.engine) as session:
        assert session.get_one(Case, number).state == "received"


def test_pages_tell_browsers_to_load_nothing_and_keep_nothing(backend: EmbeddedBackend) -> None:
    program = logged_in(backend)
    for path in ("cases", "terminals", "flags", f"cases/{case_of(backend, 'MI-004')}"):
        answer = program.get(f"{backend.url}/operators/{path}", timeout=WAIT_S)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text


def test_a_file_is_given_sandboxed_and_its_opening_recorded(backend: EmbeddedBackend) -> None:
    program = logged_in(backend)
    number = case_of(backend, "MI-004")
    url = f"{backend.url}/operators/cases/{number}/files/deed-1"
    answer = program.get(url, timeout=WAIT_S)
    assert answer.content == JPEG
    assert "sandbox" in answer.headers["content-security-policy"]
    assert program.get(url + "9", timeout=WAIT_S).status_code == 404
    assert requests.get(url, timeout=WAIT_S, allow_redirects=False).status_code == 303
    with Session(backend.engine) as session:
        opened = select(func.count()).where(AuditEntry.action == "opened-file")
        assert session.scalar(opened) == 1
        assert session.scalars(select(OperatorSession.token_hash)).first() not in program.cookies


def test_few_wrong_passwords_even_for_nobody() -> None:
    codes = []
    with EmbeddedBackend() as backend:
        url = f"{backend.url}/operators/login"
        for name in ("nobody", "nobody", "no-one", "no-one", "li", "li"):
            program = requests.Session()
            word = _word(program.get(url, timeout=WAIT_S).text)
            form = {"operator": name, "password": "x", "csrf": word}
            codes.append(program.post(url, form, timeout=WAIT_S).status_code)
    assert codes == [403] * 5 + [429], "by place too, whatever the names"


def test_every_flag_and_state_has_words() -> None:
    wanted = [f"flag.{kind.value}" for kind in FlagKind]
    wanted += [f"state.{state.value}" for state in CaseState]
    wanted += [f"status.{status.value}" for status in MaterialStatus]
    wanted += [f"kind.{kind.value}" for kind in DocumentKind]
    assert [key for key in wanted if key not in WORDS] == []
    for zh, en in WORDS.values():
        assert re.findall(r"\{\d\}", zh) == re.findall(r"\{\d\}", en)
    assert Speech("en").detail("chain-not-after:5:4") == "Entry 5 does not follow entry 4"
    assert Speech("zh").detail("SE-99") == "SE-99"
