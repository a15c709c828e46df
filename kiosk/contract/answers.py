"""Questions to the backend while the resident waits: certificates, records, codes, progress."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, TypeAdapter, model_validator

from kiosk.contract.application import DocumentKind
from kiosk.contract.base import (
    HexId,
    Key,
    Long,
    Model,
    Moment,
    NotEmpty,
    ReceiptNo,
    Short,
    TerminalCode,
)
from kiosk.contract.registers import RecordKind

IDENTITY_CODE: Final = r"^YBM1:[A-Z2-7]{26}$"
"""A code of the app: its mark, then 130 random bits in base 32. Whatever else somebody shows
(a code for paying, say) never leaves the terminal."""


class Words(Model):
    """One text in the two languages of the terminal."""

    zh: Long
    en: Long


class QuestionParty(Model):
    """About whom is asked."""

    name: NotEmpty = Field(repr=False)
    document_kind: DocumentKind
    number: NotEmpty = Field(repr=False)


class CentralQuestion(Model):
    """A certificate or a query. The same `request_id` always gets the same answer."""

    request_id: HexId
    terminal: TerminalCode
    item: Key
    record: RecordKind
    party: QuestionParty
    parameters: dict[Key, str] = Field(default_factory=dict, repr=False)


class Line(Model):
    """A label and its value, in both languages."""

    label: Words
    value: Words = Field(repr=False)


class CertificateAnswer(Model):
    """A certificate, ready to print. `pdf` is base64 of an A4 PDF."""

    answer: Literal["certificate"] = "certificate"
    request_id: HexId
    certificate_no: NotEmpty
    verify_code: NotEmpty
    verify_url: NotEmpty
    issued_at: Moment
    title: Words
    lines: tuple[Line, ...]
    pdf: Annotated[str, Field(repr=False)]
    sample: bool


class RecordTable(Model):
    """One record: a title and its rows."""

    title: Words
    rows: tuple[Line, ...]


class RecordsAnswer(Model):
    """What the register has about the party."""

    answer: Literal["records"] = "records"
    request_id: HexId
    records: Annotated[tuple[RecordTable, ...], Field(min_length=1)]
    as_of: Moment
    sample: bool


class NothingFound(Model):
    """The register was asked and has nothing about the party. Not an error."""

    answer: Literal["nothing"] = "nothing"
    request_id: HexId
    message: Words
    as_of: Moment
    sample: bool


CentralAnswer: TypeAlias = Annotated[
    CertificateAnswer | RecordsAnswer | NothingFound, Field(discriminator="answer")
]

_CENTRAL_ANSWER: TypeAdapter[CertificateAnswer | RecordsAnswer | NothingFound] = TypeAdapter(
    CentralAnswer
)


def central_answer(body: bytes) -> CertificateAnswer | RecordsAnswer | NothingFound:
    """Read an answer from the wire. Raises pydantic.ValidationError for anything else."""
    return _CENTRAL_ANSWER.validate_json(body)


class CodeQuestion(Model):
    """Whose is this code, which somebody shows from the province's app? The same `request_id`
    always gets the same answer, for as long as the code lives."""

    request_id: HexId
    terminal: TerminalCode
    code: Annotated[str, Field(pattern=IDENTITY_CODE, repr=False)]


class CodeState(StrEnum):
    """What became of a code that was asked about."""

    GOOD = "good"
    EXPIRED = "expired"
    USED = "used"
    UNKNOWN = "unknown"


class CodeAnswer(Model):
    """Who showed the code: `party`, if and only if the code is good."""

    request_id: HexId
    state: CodeState
    party: QuestionParty | None = Field(default=None, repr=False)
    sample: bool

    @model_validator(mode="after")
    def _party_if_good(self) -> Self:
        if (self.party is not None) is not (self.state is CodeState.GOOD):
            raise ValueError("a party goes with a good code, and with no other")
        return self


class ProgressQuestion(Model):
    """How far a case is; `last4` are the last four characters of the applicant's number."""

    receipt_number: ReceiptNo
    last4: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{4}$", repr=False)]


class CaseState(StrEnum):
    """Where a case stands at its department."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    TO_BE_CORRECTED = "to-be-corrected"
    REFUSED = "refused"
    DECIDED = "decided"


class ReasonCode(StrEnum):
    """Why a department moved a case on: what to correct, why refused, how decided."""

    PAPER_MISSING = "paper-missing"
    PAPER_UNREADABLE = "paper-unreadable"
    PAPER_EXPIRED = "paper-expired"
    PAPER_WRONG = "paper-wrong"
    PAPERS_DIFFER = "papers-differ"
    DETAILS_WRONG = "details-wrong"
    SIGNATURE_WRONG = "signature-wrong"
    CONDITIONS_NOT_MET = "conditions-not-met"
    NOT_HERE = "not-here"
    DONE_ALREADY = "done-already"
    TOO_LATE = "too-late"
    NOT_CORRECTED = "not-corrected"
    WITHDRAWN = "withdrawn"
    GRANTED = "granted"
    PARTLY = "partly"
    DENIED = "denied"
    OTHER = "other"  # only the department's own words tell


class CaseReason(Model):
    """Why a department's share stands where it does, what to bring, and the last day for it.

    What the department wrote itself may be personal: only who shows a card gets to read it.
    """

    code: ReasonCode
    words: Words
    bring: tuple[Key, ...] = ()
    until: date | None = None


class DepartmentProgress(Model):
    """One department's share of a case; `name` where the backend knows it."""

    department: Key
    name: Words | None = None
    items: tuple[Key, ...]
    state: CaseState
    changed_at: Moment
    reason: CaseReason | None = None


class ProgressAnswer(Model):
    """How far a case is as a whole and at each department, and what is still owed."""

    receipt_number: ReceiptNo
    case_number: NotEmpty
    item: Key
    state: CaseState
    received_at: Moment
    owed_materials: tuple[Key, ...] = ()
    acceptance_number: NotEmpty | None = None  # of the acceptance notice
    departments: tuple[DepartmentProgress, ...] = ()


class CertificateCheck(Model):
    """What a verifier may know of a certificate: that it is ours, not about whom."""

    certificate_no: NotEmpty
    genuine: bool
    title: Words | None = None
    masked_name: Short = Field(default="", repr=False)
    issued_at: Moment | None = None
    sample: bool = True


class Health(Model):
    """The backend is there."""

    status: Literal["ok"] = "ok"
    service: Literal["central-backend"] = "central-backend"
    api: Literal[1] = 1
