"""What is behind ``self.http``: sessions, authentication, pagination, rate budgets.

>>> from acme.sdk.http import BearerAuth, LinkHeader
"""

from acme_sdk.http.auth import ApiKeyAuth, BasicAuth, BearerAuth, Token, TokenAuth
from acme_sdk.http.oauth import OAuth2ClientCredentials, OAuth2JwtBearer, OAuth2RefreshToken
from acme_sdk.http.pagination import (
    CursorInBody,
    LinkHeader,
    NextUrl,
    Offset,
    PageNumber,
    PageRequest,
    Paginator,
)
from acme_sdk.http.response import HttpResponse
from acme_sdk.http.session import HttpAdapter, HttpSession
from acme_sdk.http.signed_token import JwtAuth

__all__ = [
    "ApiKeyAuth",
    "BasicAuth",
    "BearerAuth",
    "CursorInBody",
    "HttpAdapter",
    "HttpResponse",
    "HttpSession",
    "JwtAuth",
    "LinkHeader",
    "NextUrl",
    "OAuth2ClientCredentials",
    "OAuth2JwtBearer",
    "OAuth2RefreshToken",
    "Offset",
    "PageNumber",
    "PageRequest",
    "Paginator",
    "Token",
    "TokenAuth",
]
