"""One request as a PHP script sees it: parameters of query and form together, of a repeated one the last.

The simulator reads requests by itself rather than with the harness's own parser, so that each checks the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from canary.core.protocol.rewrite import fingerprint

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Incoming:
    """``headers`` have lower-case names. ``any_kind``: its id may name an activation as well as a rent."""

    method: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    source: str
    action: str
    params: Mapping[str, str] = field(repr=False)
    key: str = field(repr=False)
    any_kind: bool = False

    @property
    def payer(self) -> str:
        """The key's fingerprint."""
        return fingerprint(self.key)

    def get(self, *names: str) -> str:
        """The first of the named parameters that is there and not empty."""
        return next((value for name in names if (value := self.params.get(name))), "")


def received(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    source: str,
    *,
    body_only: bool = False,
) -> Incoming:
    """The request for ``target`` (path and query as sent); ``body_only``: a POST's query is not looked at."""
    path, _, query = target.partition("?")
    posted = method == "POST"
    params = {} if posted and body_only else dict(parse_qsl(query, keep_blank_values=True))
    if posted and body and headers.get("content-type", "").startswith(FORM):
        params.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    key = params.pop("api_key", "") or _key_in(headers)
    return Incoming(method, path, query, headers, body, source, params.get("action", ""), params, key)


def _key_in(headers: Mapping[str, str]) -> str:
    """DaisySMS takes ``X-ApiKey``, HeroSMS ``Authorization: ApiKey ...``."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return headers.get("x-apikey", "") or (key if scheme.lower() == "apikey" else "")
