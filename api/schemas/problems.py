"""Problem documents (RFC 9457)."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Model

__all__ = ["Problem", "ProblemField"]


class ProblemField(Model):
    """One thing wrong with one field of the request."""

    field: str = Field(description="Dotted path; empty for the request as a whole.")
    message: str


class Problem(Model):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=["urn:acme:problem:connector.unknown"])
    title: str
    status: int
    detail: str
    hint: str | None = Field(default=None, description="What to do about it, where `detail` does not say so.")
    code: str = Field(description="Stable, for programs.", examples=["connector.unknown"])
    errors: list[ProblemField] | None = Field(
        default=None, description="With status 422: what is wrong where."
    )
    request_id: str | None = Field(
        default=None,
        description="Which request it was: the server's log has it.",
        examples=["9f86d081884c7d65"],
    )
