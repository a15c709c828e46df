"""Settings of the backend: typed, from one TOML file.

An unknown key or a wrong value stops the start with the key's name and what is allowed.
`docs/backend.md` shows a whole file.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

CODE: Final = "BE-03"


class SettingsError(Exception):
    """The settings cannot be used; one line for each wrong key."""


class _Section(BaseModel):
    # Errors do not repeat the value: it may be a database's password.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("must be an address or a network, such as 10.0.0.0/8") from None
    return text


Network = Annotated[str, AfterValidator(_network)]
Days = Annotated[int, Field(ge=1, le=36_500)]
ShortId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class Database(_Section):
    """`sqlite:///FILE` or `postgresql://USER@HOST/NAME`. `pool_size` is per worker."""

    url: str = Field(default="sqlite:///central.db", repr=False)
    pool_size: Annotated[int, Field(ge=1, le=100)] = 10


class Server(_Section):
    """Where it answers, and who may say on whose behalf a request comes.

    `trusted_proxies`: only from these are X-Forwarded-For and -Proto believed, and
    `client_certificate_header`, in which a proxy that does TLS tells the caller's certificate.
    With `client_ca` every caller must show a certificate of that authority.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8400
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    public_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    certificate: str = ""
    certificate_key: str = ""
    client_ca: str = ""
    client_certificate_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]*$")] = ""

    @property
    def mutual_tls(self) -> bool:
        """Whether terminals are known by their certificates, here or at a proxy."""
        return bool(self.client_ca or self.client_certificate_header)

    @model_validator(mode="after")
    def _tls_whole(self) -> Server:
        if bool(self.certificate) != bool(self.certificate_key):
            raise ValueError("certificate and certificate_key go together")
        if self.client_ca and not self.certificate:
            raise ValueError("client_ca needs certificate")
        if self.client_certificate_header and not self.trusted_proxies:
            raise ValueError("client_certificate_header needs trusted_proxies")
        return self


class Keys(_Section):
    """Where the private keys are: a directory that only this user may read.

    `module` ("package.module:object") is a certified module's suite in the place of the software
    one; the files then hold what it calls its keys.
    """

    directory: str = ""
    module: Annotated[str, StringConstraints(pattern=r"^([\w.]+:\w+)?$")] = ""


class Retention(_Section):
    """For how many days each class is kept; `central-backend purge` deletes what is older.

    Documents (with parties, materials and notes) and attachments count from the day on which
    the case was closed; the others from the day on which they came.
    """

    documents_days: Days = 3650
    attachments_days: Days = 730
    audit_days: Days = 3650
    heartbeats_days: Days = 90
    rejected_days: Days = 180
    answers_days: Days = 30


class Fleet(_Section):
    """A terminal from which nothing came for `overdue_s` seconds is overdue."""

    overdue_s: Annotated[int, Field(ge=60, le=2_592_000)] = 3600


class Department(_Section):
    """Who handles which items; codes as in the catalogue."""

    id: ShortId
    zh: str
    en: str
    items: tuple[str, ...] = ()


class Operator(_Section):
    """Who may log in. `password` is what `central-backend password` prints, never the word."""

    name: ShortId
    password: Annotated[str, StringConstraints(pattern=r"^scrypt:\d+:\d+:\d+:[0-9a-f]+:[0-9a-f]+$")]


class Settings(_Section):
    """All settings of one backend."""

    database: Database = Database()
    server: Server = Server()
    keys: Keys = Keys()
    retention: Retention = Retention()
    fleet: Fleet = Fleet()
    departments: tuple[Department, ...] = ()
    operators: tuple[Operator, ...] = ()

    @model_validator(mode="after")
    def _named_once(self) -> Settings:
        for what, names in (
            ("operator", [operator.name for operator in self.operators]),
            ("department", [department.id for department in self.departments]),
            ("item", [item for d in self.departments for item in d.items]),
        ):
            if len(names) != len(set(names)):
                raise ValueError(f"an {what} is named twice")
        return self

    def department_of(self, item: str) -> str:
        """Who handles an item; "unassigned" when the settings do not say."""
        for department in self.departments:
            if item in department.items:
                return department.id
        return UNASSIGNED


UNASSIGNED: Final = "unassigned"


def load(path: Path) -> Settings:
    """Settings from a TOML file. Raises SettingsError."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{CODE} {path}: cannot be read ({type(error).__name__})") from None
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(
            "\n".join(
                f"{CODE} {path}: {'.'.join(str(step) for step in told['loc']) or 'all'}:"
                f" {told['msg']}"
                for told in error.errors(include_input=False, include_context=False)
            )
        ) from None
