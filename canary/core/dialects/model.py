"""The words in which a provider's own API is told: requests and responses, orders and offers, refusals, a dialect.

Nothing here speaks to anybody. What a dialect asks is a generator of requests that is sent the responses, so that
an answer may take more than one of them; the edge (``canary.gateway.native``) carries them out.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlencode

from canary.core.model import Headers


@dataclass(frozen=True, slots=True)
class NativeRequest:
    """One request. ``path`` stands below the arm's URL. ``repeatable``: it reads, so that it may be sent again."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class NativeResponse:
    """One response, its content no longer coded."""

    status: int
    headers: Headers = ()
    content: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace").strip("\ufeff \t\r\n\0")

    @property
    def data(self) -> Any:
        """The content as JSON with exact decimals.

        Raises:
            Garbled: it is none.
        """
        try:
            return json.loads(self.text, parse_float=Decimal)
        except (ValueError, RecursionError, InvalidOperation):
            raise Garbled from None


type Steps[T] = Generator[NativeRequest, NativeResponse, T]
"""Requests that are sent their responses, and what they come to."""


def read_from(path: str, **query: object) -> NativeRequest:
    """A GET that changes nothing; parameters without a value are left out."""
    named = [(name, str(value)) for name, value in query.items() if value not in (None, "")]
    return NativeRequest("GET", path, urlencode(named), repeatable=True)


def write_to(method: str, path: str, body: Mapping[str, object] | None = None) -> NativeRequest:
    """A request that buys or changes something: it is never sent twice."""
    return NativeRequest(method, path, body=written(body))


def written(body: Mapping[str, object] | None) -> bytes:
    """A JSON body without the members that have no value."""
    if body is None:
        return b""
    return as_json({name: value for name, value in body.items() if value is not None}).encode()


def as_json(value: object) -> str:
    """JSON as PHP writes it, with money as numbers: the shortest float reads back as the same decimal."""
    return json.dumps(value, ensure_ascii=False, default=_number, separators=(",", ":"))


def _number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def in_path(text: str) -> str:
    """A value as one segment of a path, whatever a client wrote."""
    return quote(text, safe="", errors="replace") if text not in {".", ".."} else "-"


# --- what goes wrong --------------------------------------------------------------------------------------------------


class Refused(Exception):
    """The provider refuses.

    Args:
        word: handler_api's word for it; an empty one stands for a reason that is not known.
        tail: what follows the word and a colon.
    """

    def __init__(self, word: str, tail: str = "") -> None:
        super().__init__(word)
        self.word = word
        self.tail = tail


class Garbled(Exception):
    """The provider's reply makes no sense: whatever was asked for may have been done."""


class Unanswered(Exception):
    """A request got no response. The edge throws it where the request was made; few dialects care."""


# --- what providers speak of ------------------------------------------------------------------------------------------


class OrderState(StrEnum):
    WAITING = "waiting"  # for a code
    RECEIVED = "received"  # the code is there
    AGAIN = "again"  # another code was asked for; the one that is there is the old one
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Order:
    """A number bought; services and countries are the provider's own.

    ``began_at`` and ``ends_at`` are as the provider writes them; ``lives``: seconds until it ends. ``returned``: it
    ended without being paid for.
    """

    id: str
    phone: str = field(default="", repr=False)
    state: OrderState = OrderState.WAITING
    code: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    service: str = ""
    country: str = ""
    operator: str = ""
    price: Decimal | None = None
    began_at: str = ""
    ends_at: str = ""
    lives: int | None = None
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a number received."""

    text: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    sender: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Want:
    """What a purchase asks for, in the provider's own names. ``hours``: of a rent."""

    service: str
    country: str
    operator: str = ""
    max_price: Decimal | None = None
    hours: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """What is on sale, in the provider's own names; ``None``: it does not say."""

    country: str
    service: str
    price: Decimal | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A country or service of the provider's list; a country may have operators."""

    name: str
    title: str = ""
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """How one arm's API is spoken: its profile's tables, and the names of countries.

    Attributes:
        services: the provider's name of a service by the client's code.
        countries: the provider's name of a country by what clients say, in capitals.
        ids: the client's id of a country by the provider's name.
        titles: the English name of a country by the client's id.
        dial_codes: by the provider's name of a country, where it tells numbers without them.
        refusals: handler_api's word by the provider's own, in lower case, beyond those that the dialect knows.
        fields: the provider's name of a field, where its schema is not public.
        lifetime: seconds that an order lives.
        statuses: ``waiting``, ``received``, ``again`` or ``ended`` by the provider's word for a state.
    """

    services: Mapping[str, str] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    dial_codes: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    lifetime: float = 1200.0
    codes: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        codes: dict[str, str] = {}
        for code, name in self.services.items():
            codes.setdefault(name, code)
        object.__setattr__(self, "codes", codes)

    def service(self, code: str) -> str:
        """The provider's name of a service; clients may say it themselves."""
        return self.services.get(code, code)

    def country(self, said: str) -> str:
        """The provider's name of a country that a client names."""
        return self.countries.get(said.upper(), said)

    def code(self, service: str) -> str:
        """The client's code of a service."""
        return self.codes.get(service, service)

    def id(self, country: str) -> str:
        """The client's id of a country."""
        return self.ids.get(country, country)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and how many seconds it is good for."""

    value: str = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Login:
    """How the key is exchanged for a token that expires.

    ``headers``: which others of the policy's headers the provider needs to know the account.
    """

    request: NativeRequest
    key_header: str
    read: Callable[[NativeResponse], Token]
    headers: tuple[str, ...] = ()


class Naming(StrEnum):
    """How a provider names the countries that its profile does not list."""

    ISO = "iso"  # ISO-3166 alpha-2 in capitals
    ID = "id"  # SMS-Activate's numbers
    WORD = "word"  # the English name's letters


@dataclass(frozen=True, slots=True)
class Dialect:
    """A provider's own API: what each thing that handler_api can ask for comes to there.

    What is ``None`` has no counterpart; the actions that need it are unsupported. The functions take the settings
    first, and raise ``Refused`` and ``Garbled``. ``offers`` and ``stock`` are asked for a service or a country, or
    for neither (empty strings); ``stock`` tells how many numbers there are.

    Attributes:
        bearer: the ``Authorization`` header's scheme before the key; an empty one for a header of another name.
        key_header: the header that carries the key, or the token.
    """

    name: str
    title: str
    naming: Naming
    buy: Callable[[Settings, Want], Steps[Order]]
    look: Callable[[Settings, str], Steps[Order]]
    cancel: Callable[[Settings, str], Steps[None]]
    finish: Callable[[Settings, str], Steps[None]] | None = None
    again: Callable[[Settings, str], Steps[None]] | None = None
    balance: Callable[[Settings], Steps[Decimal]] | None = None
    orders: Callable[[Settings], Steps[list[Order]]] | None = None
    history: Callable[[Settings], Steps[list[Order]]] | None = None
    offers: Callable[[Settings, str, str], Steps[list[Offer]]] | None = None
    stock: Callable[[Settings, str, str], Steps[list[Offer]]] | None = None
    services: Callable[[Settings, str], Steps[list[Named]]] | None = None
    places: Callable[[Settings], Steps[list[Named]]] | None = None
    operators: Callable[[Settings], Steps[list[Named]]] | None = None
    rent: Callable[[Settings, Want], Steps[Order]] | None = None
    inbox: Callable[[Settings, str], Steps[list[Message]]] | None = None
    give_back: Callable[[Settings, str], Steps[None]] | None = None
    give_up: Callable[[Settings, str], Steps[None]] | None = None
    rents: Callable[[Settings], Steps[list[Order]]] | None = None
    key_header: str = "Authorization"
    bearer: str = "Bearer"
    login: Login | None = None

    def authorization(self, secret: str) -> tuple[str, str]:
        """The header that carries a key or token."""
        return self.key_header, f"{self.bearer} {secret}".strip()
