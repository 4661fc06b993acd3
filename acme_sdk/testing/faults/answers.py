"""HTTP answers: the target's, and what is made of them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from enum import Enum

from urllib3 import HTTPResponse

__all__ = ["Answer", "Manner", "cut_in_half", "decoded", "unchanged"]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer.

    Attributes:
        status: Its status.
        headers: Its headers.
        body: Its body, encoded as the headers say.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Manner(Enum):
    """How an answer is sent."""

    WHOLE = "whole"
    SLOW = "slow"
    """In small pieces, with pauses between them."""
    BROKEN_OFF = "broken off"
    """The connection is closed in the middle of the body."""
    NEVER = "never"


def unchanged(answer: Answer) -> Answer:
    """Return the target's answer as it is."""
    return answer


def cut_in_half(answer: Answer) -> Answer:
    """Keep half of the text; its length is the one announced, as behind a proxy that lost the rest."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
    body = decoded(answer)
    return Answer(answer.status, headers, body[: len(body) // 2])


def decoded(answer: Answer) -> bytes:
    """Return an answer's body without its content encoding."""
    response = HTTPResponse(io.BytesIO(answer.body), headers=answer.headers, preload_content=False)
    return bytes(response.read(decode_content=True))
