"""By what the old API is known in a text: hosts, the endpoint, actions, client libraries, the words of replies.

Sources: the documentation of SMS-Activate and of the providers that took its protocol over, their client
libraries on PyPI, npm and GitHub, and callers of them in public code.
"""

import re

from canary.core.actions import CATALOGUE
from canary.core.model import Effect

HOSTS = {
    "sms-activate": (
        "sms-activate.ru sms-activate.org sms-activate.ae sms-activate.io sms-activate.page sms-activate.guru"
    ),
    "herosms": "hero-sms.com",
    "vak-sms": "vak-sms.com",
    "grizzlysms": "grizzlysms.com",
    "smshub": "smshub.org",
    "smsbower": "smsbower.page smsbower.org smsbower.app smsbower.com",
    "tiger-sms": "tiger-sms.com",
    "daisysms": "daisysms.com daisysms.io",
    "5sim": "api1.5sim.net api1.5sim.biz",
    "sms-man": "api.sms-man.com api.sms-man.ru",
    "onlinesim": "api-conserver.onlinesim.io api-conserver.onlinesim.ru",
    "verifysms": "api.verifysms.app",
    "generic": (
        "sms-online.pro receivesms.store vps.sms3t.com privatesms.vip smsbulk.net fastsms.su otpdoctor.in "
        "onaylasms.com.tr"
    ),
}
"""Hosts by the profile of their provider; a name stands for its subdomains too."""

_PROVIDERS = {host: provider for provider, hosts in HOSTS.items() for host in hosts.split()}

ENDPOINT = re.compile(r"handler_api\.php")
HOST = re.compile(
    r"(?i)(?<![\w.@-])(?:[\w-]+\.)*?(?P<host>"
    + "|".join(re.escape(host) for host in sorted(_PROVIDERS, key=len, reverse=True))
    + r")(?![\w-]|\.\w)(?P<path>(?::\d+)?(?:/[^\s\"'`<>)\]]*)?)"
)


def provider_of(host: str) -> str:
    """The profile of the provider that a host belongs to."""
    return _PROVIDERS[host.lower()]


_PAGE = re.compile(r"/(?!/|stubs\b|api/?$|compat\b)[\w%.-]")


def is_page(path: str) -> bool:
    """Whether what follows a host leads to a page for people and not to an API."""
    return ENDPOINT.search(path) is None and _PAGE.match(path) is not None


# --- actions --------------------------------------------------------------------------------------------------

_NAME = r"(?P<action>[A-Za-z][A-Za-z0-9]{2,40})"
_ANY = "|".join(sorted((action.name for action in CATALOGUE), key=len, reverse=True))
_VERBED = "|".join(
    sorted((a.name for a in CATALOGUE if re.match(r"[a-z]+[A-Z]", a.name)), key=len, reverse=True)
)

IN_QUERY = re.compile(rf"(?i:\baction(?:=|%3D)){_NAME}(?![\w(])")
_OPENING = r"(?:(?:\[\]|new\s+)?string\w*)?[\[{(]*\s*"
_SETTING = (
    rf"(?:[\"'`:]?action[\"'`]?\]?\)?\s*(?:=>|:=|[:=])\s*{_OPENING}|[\"'`]action[\"'`]\s*(?:,|\bto\b)\s*)"
)
"""What stands before the value of the parameter ``action``, in the ways of many languages."""

KEYED = re.compile(rf"(?<![\w$-]){_SETTING}[\"'`]{_NAME}[\"'`]")
SYMBOL = re.compile(r"(?<![\w$-])(?::action\s*=>|action:)\s*:(?P<action>[a-z]+[A-Z]\w*)\b")
"""The same in Ruby."""

LIKE_ONE = re.compile(r"(?:get|set|check|cancel|finish|continue|buy|create|update|add)[A-Z]\w+$")
"""How an action is named that no documentation has."""

UNQUOTED = re.compile(rf"(?m)^[ \t\"'-]*action[\"']?\s*[:=]\s*[\"']?{_NAME}[\"']?\s*,?\s*$")
"""An action as a setting: in YAML, JSON and the like."""

QUOTED = re.compile(rf"(?P<quote>[\"'`])(?P<action>{_VERBED})(?:(?P=quote)|(?=&))")
"""An action's name alone, as it is handed to the repository's own function for requests."""

WORD = re.compile(rf"(?<![\w$./=-])(?P<action>{_VERBED})(?![\w(=-])")
"""The same where words need no quotes."""

CONSTANT = re.compile(
    rf"(?:\(\s*(?:action\s*[=:]\s*)?|(?<![\w$-]){_SETTING})(?:\w+(?:\.|::))*"
    r"(?i:\w*(?:action|method|command|operation|endpoint)s?)(?:\.|::)(?P<action>[A-Za-z]\w+)(?:\.value)?\s*[,)}\]\n]"
)
"""A member of the repository's own list of actions, handed to a function."""

FUNCTION = re.compile(rf"(?<![\w$-]){_SETTING}(?P<action>__FUNCTION__)")
"""The action that is called like the function, as SMS-Activate's own PHP class does it."""

KEPT = re.compile(r"(?:^|[\s,{(])(?P<name>[A-Za-z_]\w*)\s*(?::[^=\n,]{0,30})?(?:=>|[=:(])\s*$")
"""What stands before the name of an action that is kept under another name."""

DISTINCTIVE = frozenset(
    [
        "getNumbersStatus",
        "getNumberV2",
        "getStatusV2",
        "getRentNumber",
        "getRentStatus",
        "setRentStatus",
        "getRentServicesAndCountries",
        "getRentList",
        "getFullSms",
        "getMultiServiceNumber",
        "getAdditionalService",
        "getExtraActivation",
        "getTopCountriesByService",
        "getTopCountriesByServiceRank",
        "getActiveActivations",
        "getListOfTopCountriesByService",
    ]
)
"""Actions whose names no other API has; the rest (getStatus, getBalance) need other evidence around them."""

PURCHASES = frozenset(action.name for action in CATALOGUE if action.effect is Effect.PURCHASE)

# --- evidence -------------------------------------------------------------------------------------------------

FAMILY = re.compile(
    r"(?i:sms[-_. ]?activate|smshub|grizzly[-_ ]?sms|hero[-_ ]?sms|smsbower|daisy[-_ ]?sms|vak[-_ ]?sms|tiger[-_ ]?sms"
    r"|sms[-_]?man\b|5sim|fivesim|onlinesim|verifysms)"
)
"""Names of the family's providers, as they are spelt in identifiers."""

REPLY = re.compile(
    r"\b(?:ACCESS_(?:NUMBER|BALANCE|READY|RETRY_GET|ACTIVATION|CANCEL)|STATUS_WAIT_(?:CODE|RETRY|RESEND)|NO_NUMBERS"
    r"|EARLY_CANCEL_DENIED)\b"
)
"""Words of replies that no other API has."""

OWN_KEY = re.compile(r"(?i)\bapi_?key\b")
"""The parameter that every call has."""

_GATES = (
    b"sms",
    b"5sim",
    b"fivesim",
    b"onlinesim",
    b"handlerapi",
    b"otpdoctor",
    b"statuswait",
    b"accessnumber",
)
"""One of these is in what follows; most files have none."""

_FLAT = tuple(
    re.sub(r"[-_. ]", "", word).lower().encode()
    for word in (
        *(provider for provider in HOSTS if provider != "generic"),
        *(host for host in _PROVIDERS if not host.startswith("api")),
        *("fivesim", "handler_api", "ACCESS_NUMBER", "STATUS_WAIT", "sms-providers"),
    )
)
_FLAT_ACTIONS = tuple(action.name.lower().encode() for action in CATALOGUE)
_SEPARATORS = b"-_. "


def may_matter(data: bytes) -> bool:
    """Whether a file can have to do with the old API by itself, by its bytes: cheap, and all that the rest asks for."""
    flat = data.lower().translate(None, _SEPARATORS)
    asks = b"action" in flat or b"getnumber" in flat or b"getrent" in flat
    if asks and any(name in flat for name in _FLAT_ACTIONS):
        return True
    return any(gate in flat for gate in _GATES) and any(word in flat for word in _FLAT)


NEAR = (b"sms", b"5sim")
"""Words, in small letters, of which one is in the names of most wrappers."""
