"""Facts that a card would tell, asked as questions where no card does.

In a trial nobody's card was read, and a child or an old parent may not stand at the
terminal: then the fact that blocks the decision is asked for, in words about that role.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kiosk.catalogue.conditions import SINCE
from kiosk.catalogue.model import Answer, Fact, Matter, Option, Question, QuestionKind, Text

PREFIX: Final = "fact:"
_OLDEST_YEARS: Final = 130

_OPTIONS: Final[dict[str, tuple[Option, ...]]] = {
    "sex": (
        Option("male", Text("男", "Male")),
        Option("female", Text("女", "Female")),
    ),
    "card_kind": (
        Option("resident", Text("居民身份证", "Resident ID card")),
        Option("permit", Text("港澳台居民居住证", "Residence permit for Hong Kong, Macau, Taiwan")),
        Option("foreign", Text("外国人永久居留身份证", "Foreign permanent resident ID card")),
    ),
    "residence": (
        Option("local", Text("本市", "This city")),
        Option("elsewhere", Text("外地", "Somewhere else")),
    ),
    "card_expired": (
        Option("yes", Text("已经过期", "It has expired")),
        Option("no", Text("没有过期", "It is still valid")),
    ),
}
_WORDS: Final[dict[str, Text]] = {
    "age": Text("{who}今年几岁？", "How old is the {who}?"),
    "sex": Text("{who}的性别？", "Is the {who} male or female?"),
    "card_kind": Text("{who}用哪种证件？", "Which card does the {who} have?"),
    "residence": Text("{who}的户口在哪里？", "Where is the {who} registered?"),
    "card_expired": Text("{who}的证件过期了吗？", "Has the {who}'s card expired?"),
}
_SELF: Final[dict[str, Text]] = {
    "age": Text("您今年几岁？", "How old are you?"),
    "sex": Text("您的性别？", "Are you male or female?"),
    "card_kind": Text("您用哪种证件？", "Which card do you have?"),
    "residence": Text("您的户口在哪里？", "Where are you registered?"),
    "card_expired": Text("您的证件过期了吗？", "Has your card expired?"),
}
# For when the terminal's own clock cannot be relied on.
_SINCE: Final[dict[str, Text]] = {
    "days_ago": Text("那天到今天几天了？", "How many days ago was that?"),
    "years_ago": Text("那天到今天满几年？", "How many full years ago was that?"),
}
_SINCE_UNIT: Final = {"days_ago": Text("天", "days"), "years_ago": Text("年", "years")}


def fact_question(matter: Matter, name: str, *, about_self: bool) -> Question:
    """The question for the fact "role.name"; its id is PREFIX and the fact's name."""
    for question in matter.fact_questions:
        if question.known == name:
            return replace(question, id=PREFIX + name, known="")
    role, _, what = name.partition(".")
    if what in SINCE:
        return Question(
            id=PREFIX + name,
            text=_SINCE[what],
            kind=QuestionKind.NUMBER,
            about=next((q.about for q in matter.questions if q.id == role), role),
            unit=_SINCE_UNIT[what],
            minimum=0,
            maximum=SINCE[what].maximum,
        )
    who = next((p.name for p in matter.parties if p.role == role), Text(role, role))
    words = _SELF[what] if about_self else _WORDS[what]
    text = Text(words.zh.format(who=who.zh), words.en.format(who=who.en[:1].lower() + who.en[1:]))
    if what == "age":
        return Question(
            id=PREFIX + name,
            text=text,
            kind=QuestionKind.NUMBER,
            about=role,
            unit=Text("岁", "years"),
            minimum=0,
            maximum=_OLDEST_YEARS,
        )
    return Question(
        id=PREFIX + name, text=text, kind=QuestionKind.ONE, about=role, options=_OPTIONS[what]
    )


def as_fact(name: str, answer: Answer) -> Fact:
    """An answer to a fact's question as the fact."""
    if name.endswith(".card_expired"):
        return answer in (True, "yes")
    if isinstance(answer, (str, int)):
        return answer
    raise TypeError(f"no fact is answered by a {type(answer).__name__}")
