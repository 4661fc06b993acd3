"""Credentials behind `self.http` against real servers on loopback: sent to their host, and nowhere else."""

from __future__ import annotations

import base64
import logging
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from acme.sdk import ConfigurationError, FatalError, RetriableError
from acme.sdk.http import (
    ApiKeyAuth,
    BasicAuth,
    BearerAuth,
    HttpSession,
    JwtAuth,
    OAuth2ClientCredentials,
    OAuth2JwtBearer,
    OAuth2RefreshToken,
    Token,
    TokenAuth,
)
from acme_sdk.http import session as http
from tests.sdk.http_server import Answer, Asked, serving

SECRET = "hunter2-hunter2"
REFRESH = "refresh-hunter2"
HMAC_KEY = "a shared secret of more than 32 bytes"


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(http, "PAUSE_S", 0.001)
    with HttpSession() as session:
        yield session


class TokenServer:
    """A token endpoint at ``/token``, and data at any other path for whoever has the newest token."""

    def __init__(self, expires_in=3600, rotates=False):
        self.expires_in = expires_in
        self.rotates = rotates
        self.given = 0
        self.refresh_token = REFRESH
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            return self.token(asked)
        if asked.headers.get("Authorization") != f"Bearer token-{self.given}":
            return Answer({"error": "token"}, 401)
        return Answer({"path": asked.path, "body": asked.body})

    def token(self, asked: Asked) -> Answer:
        with self.lock:
            if (
                asked.form["grant_type"] == "refresh_token"
                and asked.form["refresh_token"] != self.refresh_token
            ):
                return Answer({"error": "invalid_grant"}, 400)
            self.given += 1
            answer = {"access_token": f"token-{self.given}", "token_type": "Bearer"}
            if self.expires_in is not None:
                answer["expires_in"] = self.expires_in
            if self.rotates:
                self.refresh_token = answer["refresh_token"] = f"{REFRESH}-{self.given}"
        return Answer(answer, after=0.05)

    def revoke(self):
        with self.lock:
            self.given += 1


def token_requests(server):
    return [asked for asked in server.asked if asked.path == "/token"]


def client_credentials(server, **options):
    return OAuth2ClientCredentials(f"{server.url}/token", "me", SECRET, **options)


def refresh_token(server, **options):
    return OAuth2RefreshToken(f"{server.url}/token", "me", SECRET, REFRESH, **options)


def jwt_bearer(server, **options):
    return OAuth2JwtBearer(
        f"{server.url}/token", HMAC_KEY, issuer="me", algorithm="HS256", claims={"note": "x"}, **options
    )


GRANTS = [client_credentials, refresh_token, jwt_bearer]


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (BearerAuth(SECRET), "Authorization", f"Bearer {SECRET}"),
        (BearerAuth(SECRET, scheme="Token"), "Authorization", f"Token {SECRET}"),
        (BasicAuth("müller", "päss:wörd"), "Authorization", "Basic bcO8bGxlcjpww6Rzczp3w7ZyZA=="),
        (ApiKeyAuth(SECRET), "X-Api-Key", SECRET),
        (ApiKeyAuth(SECRET, header="Private-Token"), "Private-Token", SECRET),
    ],
)
def test_credentials_in_a_header(session, auth, header, value):
    session.auth = auth
    with serving(lambda asked: Answer()) as server:
        session.get(server.url, params={"a": "1"})
        assert server.asked[0].headers[header] == value
        assert server.asked[0].query == {"a": "1"}


def test_a_key_in_the_query(session):
    session.auth = ApiKeyAuth("k&y=ü", query="key")
    with serving(lambda asked: Answer(status=403)) as server:
        response = session.get(server.url, params={"a": "1", "empty": ""})
        assert server.asked[0].query == {"a": "1", "empty": "", "key": "k&y=ü"}
        with pytest.raises(FatalError) as caught:
            response.json()
        assert "key" not in str(caught.value)


@pytest.mark.parametrize(
    "make", [*GRANTS, lambda server: BearerAuth(SECRET), lambda server: ApiKeyAuth(SECRET)]
)
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_host_gets_no_credentials(session, make, status):
    # It even answers 401, as to ask for them.
    with serving(lambda asked: Answer(status=401)) as other:

        def respond(asked: Asked) -> Answer:
            if asked.path == "/token":
                return Answer({"access_token": SECRET, "token_type": "Bearer"})
            return Answer(status=status, headers={"Location": f"{other.url}/elsewhere"})

        with serving(respond) as server:
            session.auth = make(server)
            assert session.get(f"{server.url}/data").status_code == 401
            assert SECRET in str(server.asked[-1].headers)
            assert len(other.asked) == 1
            assert SECRET not in str(other.asked[0])
            assert "Authorization" not in other.asked[0].headers
            assert len(token_requests(server)) <= 1


@pytest.mark.parametrize("make", GRANTS)
def test_a_token_is_asked_for_once_and_used_while_it_is_good(session, make):
    with serving(TokenServer()) as server:
        session.auth = make(server)
        for _ in range(3):
            assert session.get(f"{server.url}/data").json()["path"] == "/data"
        assert [asked.path for asked in server.asked] == ["/token", "/data", "/data", "/data"]


class Clock:
    """What `time` says, shifted."""

    shift = 0.0

    def monotonic(self):
        return time.monotonic() + self.shift

    def time(self):
        return time.time() + self.shift


@pytest.fixture
def clock(monkeypatch):
    """The clock of whoever keeps or signs tokens."""
    clock = Clock()
    monkeypatch.setattr("acme_sdk.http.auth.time", clock)
    monkeypatch.setattr("acme_sdk.http.signed_token.time", clock)
    return clock


@pytest.mark.parametrize("make", GRANTS)
def test_an_expired_token_is_renewed_before_it_is_refused(session, clock, make):
    with serving(TokenServer(expires_in=3600)) as server:
        session.auth = make(server)
        session.get(f"{server.url}/data").raise_for_status()
        clock.shift = 3600
        session.get(f"{server.url}/data").raise_for_status()
        assert [asked.path for asked in server.asked] == ["/token", "/data", "/token", "/data"]


@pytest.mark.parametrize("make", GRANTS)
def test_a_token_that_is_refused_is_renewed_once(session, make):
    tokens = TokenServer(expires_in=None)
    with serving(tokens) as server:
        session.auth = make(server)
        session.get(f"{server.url}/data").raise_for_status()
        tokens.revoke()
        answer = session.post(f"{server.url}/data", json={"a": 1})
        assert answer.json() == {"path": "/data", "body": '{"a": 1}'}
        assert [earlier.status_code for earlier in answer.history] == [401]
        assert len(token_requests(server)) == 2


def test_a_server_that_refuses_every_token_is_believed(session):
    def respond(asked: Asked) -> Answer:
        return Answer({"access_token": "t"}) if asked.path == "/token" else Answer(status=401)

    with serving(respond) as server:
        session.auth = client_credentials(server)
        assert session.get(f"{server.url}/data").status_code == 401
        assert [asked.path for asked in server.asked] == ["/token", "/data", "/token", "/data"]


def test_a_token_renewed_on_the_way_is_good_for_the_redirect_too(session):
    tokens = TokenServer()

    def respond(asked: Asked) -> Answer:
        answer = tokens(asked)
        if asked.path == "/old" and answer.status == 200:
            return Answer(status=302, headers={"Location": "/new"})
        return answer

    with serving(respond) as server:
        session.auth = client_credentials(server)
        session.get(f"{server.url}/old").raise_for_status()
        tokens.revoke()
        assert session.get(f"{server.url}/old").json()["path"] == "/new"
        assert len(token_requests(server)) == 2


def test_a_body_that_is_gone_is_not_sent_again(session):
    with serving(TokenServer()) as server:
        session.auth = client_credentials(server)
        session.get(f"{server.url}/data").raise_for_status()
        session.auth.obtain()
        assert session.post(f"{server.url}/data", data=iter([])).status_code == 401


def test_threads_share_one_renewal():
    tokens = TokenServer()
    with serving(tokens) as server, HttpSession() as session, ThreadPoolExecutor(8) as pool:
        session.auth = client_credentials(server)

        def ask(_):
            return session.get(f"{server.url}/data").status_code

        assert set(pool.map(ask, range(16))) == {200}
        assert len(token_requests(server)) == 1
        tokens.revoke()
        assert set(pool.map(ask, range(16))) == {200}
        assert len(token_requests(server)) == 2


def test_client_credentials_go_into_the_header_or_the_body(session):
    with serving(TokenServer()) as server:
        client_credentials(server, scope="read write", extra={"audience": "api"}).obtain()
        client_credentials(server, client_auth="body").obtain()
        first, second = server.asked
        assert first.form == {"grant_type": "client_credentials", "scope": "read write", "audience": "api"}
        assert (
            base64.b64decode(first.headers["Authorization"].removeprefix("Basic ")).decode() == f"me:{SECRET}"
        )
        assert second.form == {"grant_type": "client_credentials", "client_id": "me", "client_secret": SECRET}
        assert "Authorization" not in second.headers


def test_a_public_client_refreshes_without_a_secret(session):
    with serving(TokenServer()) as server:
        OAuth2RefreshToken(f"{server.url}/token", "me", None, REFRESH).obtain()
        assert server.asked[0].form == {
            "grant_type": "refresh_token",
            "client_id": "me",
            "refresh_token": REFRESH,
        }
        assert "Authorization" not in server.asked[0].headers


def test_a_rotated_refresh_token_is_handed_over_and_used_the_next_time(session):
    tokens = TokenServer(rotates=True)
    kept = []
    with serving(tokens) as server:
        session.auth = refresh_token(server, on_rotation=kept.append)
        session.get(f"{server.url}/data").raise_for_status()
        assert kept == [f"{REFRESH}-1"]
        tokens.revoke()
        session.get(f"{server.url}/data").raise_for_status()
        assert [asked.form["refresh_token"] for asked in token_requests(server)] == [REFRESH, f"{REFRESH}-1"]
        assert kept == [f"{REFRESH}-1", f"{REFRESH}-3"]


def test_an_assertion_is_signed_and_says_who_asks(session):
    key = rsa.generate_private_key(65537, 2048)
    with serving(TokenServer()) as server:
        OAuth2JwtBearer(
            f"{server.url}/token",
            pem(key),
            issuer="robot@example.com",
            subject="user@example.com",
            claims={"scope": "read"},
            key_id="key-1",
        ).obtain()
        form = server.asked[0].form
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        claims = jwt.decode(form["assertion"], key.public_key(), ["RS256"], audience=f"{server.url}/token")
        assert (claims["iss"], claims["sub"], claims["scope"]) == (
            "robot@example.com",
            "user@example.com",
            "read",
        )
        assert 0 < claims["exp"] - time.time() <= 300
        assert jwt.get_unverified_header(form["assertion"])["kid"] == "key-1"


def test_a_token_of_our_own_is_sent_as_it_is_and_renewed(session, clock):
    key = ec.generate_private_key(ec.SECP256R1())
    session.auth = JwtAuth(pem(key), {"iss": "me", "aud": "api"}, algorithm="ES256", lifetime=600)
    clock.shift = -600
    with serving(lambda asked: Answer()) as server:
        session.get(server.url)
        session.get(server.url)
        clock.shift = 0
        session.get(server.url)
        sent = [asked.headers["Authorization"].removeprefix("Bearer ") for asked in server.asked]
        assert sent[0] == sent[1] != sent[2]
        assert jwt.decode(sent[2], key.public_key(), ["ES256"], audience="api")["iss"] == "me"


@pytest.mark.parametrize(
    "key", ["", SECRET, f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"]
)
def test_a_bad_key_is_said_plainly_and_not_shown(key):
    with pytest.raises(ConfigurationError) as caught:
        JwtAuth(key, {}).obtain()
    assert caught.value.code == "jwt.key"
    assert SECRET not in f"{caught.value!r}{caught.value.hint}"
    assert caught.value.__cause__ is None


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (Answer({"error": "invalid_client"}, 401), FatalError, "oauth.invalid_client"),
        (
            Answer({"error": "invalid_grant", "error_description": "revoked"}, 400),
            FatalError,
            "oauth.invalid_grant",
        ),
        (Answer({"error": "invalid_scope"}, 400), FatalError, "oauth.invalid_scope"),
        (Answer({"error": "of_our_own"}, 400), FatalError, "oauth.refused"),
        (Answer({"error": "invalid_client"}, 200), FatalError, "oauth.invalid_client"),
        (Answer({"error": "temporarily_unavailable"}, 400), RetriableError, "oauth.temporarily_unavailable"),
        (Answer({"error": "server_error"}, 500), RetriableError, "http.500"),
        (Answer({}, 429), RetriableError, "http.429"),
        (Answer({"message": "no such page"}, 404), FatalError, "http.404"),
        (Answer({"token": "t"}, 200), FatalError, "oauth.no_token"),
        (Answer([], 200), FatalError, "oauth.no_token"),
        (Answer(b"<html>Sign in</html>", 200), FatalError, "oauth.no_token"),
        (Answer(b"<html>Sign in</html>", 403), FatalError, "http.403"),
        (Answer(b"", 200), FatalError, "oauth.no_token"),
    ],
)
@pytest.mark.parametrize("make", GRANTS)
def test_what_the_token_endpoint_refuses(session, make, answer, kind, code):
    with serving(lambda asked: answer) as server:
        session.auth = make(server)
        with pytest.raises(kind) as caught:
            session.get(f"{server.url}/data")
        assert caught.value.code == code
        assert f"POST {server.url}/token" in str(caught.value)
        assert "/data" not in [asked.path for asked in server.asked]


@pytest.mark.parametrize("make", GRANTS)
def test_no_secret_is_told_even_when_the_token_endpoint_repeats_it(session, make, caplog):
    caplog.set_level(logging.DEBUG)
    sent = []

    def respond(asked: Asked) -> Answer:
        sent.append(asked)
        basic = asked.headers.get("Authorization", "")
        return Answer(
            {"error": "invalid_client", "error_description": f"no {asked.form} {basic} {SECRET}"}, 401
        )

    with serving(respond) as server:
        session.auth = make(server)
        with pytest.raises(FatalError) as caught:
            session.get(f"{server.url}/data")
    told = f"{caught.value!r} {caught.value.hint} {session.auth!r} {vars(caught.value)} {caplog.text}"
    for secret in (SECRET, REFRESH, HMAC_KEY, base64.b64encode(f"me:{SECRET}".encode()).decode()):
        assert secret not in told or (make is jwt_bearer and secret == SECRET)
    assert sent[0].form.get("assertion", "no assertion") not in told
    assert caught.value.__cause__ is None


def test_tokens_are_not_logged(session, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(TokenServer(rotates=True)) as server:
        session.auth = refresh_token(server)
        session.get(f"{server.url}/data").raise_for_status()
    assert "/data" in caplog.text
    for secret in ("token-1", REFRESH, SECRET):
        assert secret not in caplog.text
    assert SECRET not in repr(Token(SECRET))


@pytest.mark.parametrize("make", GRANTS)
def test_secrets_follow_no_redirect_of_the_token_endpoint(session, make):
    with serving(lambda asked: Answer({"access_token": "stolen"})) as other:
        moved = Answer(status=307, headers={"Location": f"{other.url}/token"})
        with serving(lambda asked: moved) as server:
            session.auth = make(server)
            with pytest.raises(FatalError) as caught:
                session.get(f"{server.url}/data")
            assert caught.value.code == "oauth.redirected"
        assert other.asked == []


def test_an_unreachable_token_endpoint_is_worth_another_try(session):
    with serving(TokenServer()) as server:
        auth = client_credentials(server)
    session.auth = auth
    with pytest.raises(RetriableError) as caught:
        session.get(f"{server.url}/data")
    assert caught.value.code == "connect.refused"


def test_form_encoded_answers_are_read(session):
    with serving(lambda asked: Answer(b"access_token=t&token_type=bearer&expires_in=60")) as server:
        assert client_credentials(server).obtain() == Token("t", 60)


def test_authors_can_bring_tokens_of_other_kinds(session):
    class Login(TokenAuth):
        def obtain(self) -> Token:
            with HttpSession() as login:
                answer = login.post(f"{server.url}/token", data={"grant_type": "login"}).json()
            return Token(answer["access_token"], answer["expires_in"])

    tokens = TokenServer()
    with serving(tokens) as server:
        session.auth = Login()
        session.get(f"{server.url}/data").raise_for_status()
        tokens.revoke()
        session.get(f"{server.url}/data").raise_for_status()


@pytest.mark.parametrize(
    ("module", "make"),
    [("oauthlib", 'OAuth2ClientCredentials("http://x", "a", "b")'), ("jwt", 'JwtAuth("k", {})')],
)
def test_without_the_extra_the_error_says_what_to_install(module, make):
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from acme.sdk import ConfigurationError\n"
        "from acme.sdk.http import *\n"
        f"try: {make}\n"
        "except ConfigurationError as error: print(error.code, error, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "extra.missing",
        module,
        "is",
        "not",
        "installed",
        "pip",
        "install",
        "'acme-connectors[oauth]'",
    ]


def test_nothing_of_the_extra_is_imported_without_need():
    code = (
        "import sys, acme.sdk.http\n"
        "sys.exit(', '.join({'oauthlib', 'jwt', 'cryptography'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
