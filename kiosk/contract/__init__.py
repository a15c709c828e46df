"""What goes over the wire between terminal and backend, and nothing else.

Both sides import this package and share no other code. Every model is strict, frozen and
refuses keys that it does not know, so a misunderstanding shows at once and on both sides.
Fields that say who somebody is are left out of `repr`.
"""

from __future__ import annotations

from kiosk.contract.answers import (
    CaseState,
    CentralAnswer,
    CentralQuestion,
    CertificateAnswer,
    CertificateCheck,
    Health,
    Line,
    NothingFound,
    ProgressAnswer,
    ProgressQuestion,
    QuestionParty,
    RecordKind,
    RecordsAnswer,
    RecordTable,
    Words,
    central_answer,
)
from kiosk.contract.application import (
    Acknowledgement,
    AnswerOnPath,
    ApplicationDocument,
    Attachment,
    CivilTime,
    Contact,
    DeliveryChoice,
    DocumentKind,
    Evidence,
    EvidenceKind,
    HandedMaterial,
    ItemRef,
    MaterialStatus,
    PartyOnPaper,
    Pledge,
    SignatureOnPaper,
    SituationRef,
    TerminalRef,
    acknowledgement_for,
)
from kiosk.contract.canonical import canonical_bytes, digest
from kiosk.contract.problem import PartList, PartReceipt, Problem, ProblemCode

__all__ = [
    "Acknowledgement",
    "AnswerOnPath",
    "ApplicationDocument",
    "Attachment",
    "CaseState",
    "CentralAnswer",
    "CentralQuestion",
    "CertificateAnswer",
    "CertificateCheck",
    "CivilTime",
    "Contact",
    "DeliveryChoice",
    "DocumentKind",
    "Evidence",
    "EvidenceKind",
    "HandedMaterial",
    "Health",
    "ItemRef",
    "Line",
    "MaterialStatus",
    "NothingFound",
    "PartList",
    "PartReceipt",
    "PartyOnPaper",
    "Pledge",
    "Problem",
    "ProblemCode",
    "ProgressAnswer",
    "ProgressQuestion",
    "QuestionParty",
    "RecordKind",
    "RecordTable",
    "RecordsAnswer",
    "SignatureOnPaper",
    "SituationRef",
    "TerminalRef",
    "Words",
    "acknowledgement_for",
    "canonical_bytes",
    "central_answer",
    "digest",
]
