"""What the backend refuses, and how it says so without repeating what was sent."""

from __future__ import annotations

from pydantic import ValidationError

from kiosk.contract import Problem, ProblemCode


class Refusal(Exception):
    """An error answer: HTTP status and problem. Its text holds no personal data."""

    def __init__(
        self,
        status: int,
        code: ProblemCode,
        message: str,
        fields: tuple[str, ...] = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{status} {code.value}")
        self.status = status
        self.problem = Problem(code=code, message=message, fields=fields)
        self.retry_after_s = retry_after_s


def refuse_invalid(error: ValidationError) -> Refusal:
    """Where a body is wrong and by which rule; never the value itself."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    fields = tuple(
        f"{'.'.join(str(step) for step in detail['loc'])}: {detail['type']}"[:200]
        for detail in details[:20]
    )
    return Refusal(422, ProblemCode.INVALID, "the body does not fit the contract", fields)
