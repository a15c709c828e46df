"""The common ground of all models, and the small types that they share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

HexId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]  # a UUID in hex
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ReceiptNo = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{1,11}-[0-9]{5,12}-[0-9]$")]
TerminalCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{1,11}$")]
# Ids of the catalogue: items, questions, materials, fields, situations.
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
PartId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
MediaType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,64}$")]
Short = Annotated[str, StringConstraints(max_length=200)]
Long = Annotated[str, StringConstraints(max_length=4000)]
NotEmpty = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Moment = AwareDatetime


class Model(BaseModel):
    """Strict, frozen, no unknown keys; errors do not repeat the input, which may be personal."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        defer_build=True,  # with its first use: a terminal paints before it speaks
    )
