"""Client libraries of the old API: how they are imported, declared, and what their methods do."""

import re
from dataclasses import dataclass

from canary.core.actions import lookup
from canary.toolkit.inventory.languages import MANIFESTS
from canary.toolkit.inventory.source import Source

PYTHON = (
    "smsactivate pysmshub aiosmsactivate asmsactivate smsactivateru smsactivaterukdts smsactivatepy smsactivateapi "
    "async_sms_activate aiosmshub smshub smshub_org smshuborg simple_smshub_api grizzlysms grizzly_sms_client herosms "
    "aherosms smsbower aiovaksms vaksms vaksmsapi synkvaksms daisy_sms sms_activate pysmsactivate"
)
NPM = (
    "sms-activate sms-activate-api sms-activate-org node-sms-activate smsactivate smshub smshub-api hero-sms "
    "grizzlysms grizzly-sms smsbower daisysms sms-man unified-sms-activate sms-providers"
)
GO = r"(?:go-)?sms-?activate(?:-go|-api)?|(?:go-)?smshub(?:-go)?|(?:go-)?(?:grizzly-?sms|hero-?sms|smsbower)(?:-go)?"
VENDOR = r"[\w.-]+/[\w.-]*(?:sms-?activate|smshub|grizzly-?sms|hero-?sms|smsbower|daisy-?sms|vak-?sms)[\w.-]*"
ARTIFACT = r"[\w.-]*(?:sms-?activate|smshub|grizzly-?sms|hero-?sms|smsbower)[\w.-]*"


def _one_of(names: str) -> str:
    return "|".join(sorted((re.escape(name) for name in names.split()), key=len, reverse=True))


@dataclass(frozen=True, slots=True)
class _Import:
    """How a library shows in source code of some languages; the group ``names`` holds what is bound by it."""

    languages: frozenset[str]
    pattern: re.Pattern[str]


_SCRIPT = frozenset({"javascript", "typescript"})
_IMPORTS = (
    _Import(
        frozenset({"python"}),
        re.compile(
            rf"(?m)^[ \t]*(?:from\s+(?P<sdk>{_one_of(PYTHON)})(?:\.[\w.]+)?\s+import\s+\(?(?P<names>[\w ,*]+)"
            rf"|import\s+(?P<sdk2>{_one_of(PYTHON)})\b(?:\.\w+)*(?:\s+as\s+(?P<names2>\w+))?)"
        ),
    ),
    _Import(
        _SCRIPT,
        re.compile(
            rf"(?:import\s+(?:type\s+)?(?P<names>[\w{{}}\s,*$]+?)\s+from\s+|(?:(?:const|let|var)\s+(?P<names2>[\w{{}}\s,:$]+?)\s*="
            rf"\s*(?:await\s+)?)?(?:require|import)\s*\(\s*|import\s+)[\"'](?P<sdk>{_one_of(NPM)})(?:/[\w./-]+)?[\"']"
        ),
    ),
    _Import(
        frozenset({"go"}),
        re.compile(
            rf"(?m)^[ \t]*(?:import\s+)?(?P<names>\w+\s+)?\"(?P<sdk>github\.com/[\w.-]+/(?:{GO}))(?:/[\w./-]+)?\""
        ),
    ),
    _Import(
        frozenset({"java", "kotlin"}),
        re.compile(
            r"(?m)^[ \t]*import\s+(?:static\s+)?(?P<sdk>(?:com|ru)\.sms_activate)\.(?:[\w]+\.)*(?P<names>\w+|\*)"
        ),
    ),
    _Import(
        frozenset({"ruby"}), re.compile(r"\brequire\s*\(?[\"'](?P<sdk>sms_activate|smsactivate|smshub)[\"']")
    ),
    _Import(
        frozenset({"csharp"}),
        re.compile(
            r"(?m)^[ \t]*using\s+(?P<sdk>(?:SmsActivate|SMSActivate|SmsHub|GrizzlySms)"
            r"(?:\.?(?:Api|Client|Net|Sdk|SDK))+)\s*;"
        ),
    ),
)
_BY_DEFAULT = {"sms_activate": "SmsActivate", "smsactivate": "SmsActivate", "smshub": "SmsHub"}
"""What a Ruby library calls itself, since ``require`` binds no name."""

_PIP = _one_of(PYTHON).replace("_", "[-_]")
_DECLARED = re.compile(
    rf"(?im)^[ \t\"'-]*(?P<a>{_PIP})[\"']?\s*(?:[=~<>!\[;^,]|$)(?!>)"  # requirements, TOML
    rf"|[\"'](?P<b>{_one_of(NPM)})[\"']\s*:\s*[\"']"  # package.json
    rf"|[\"'](?P<c>{VENDOR})[\"']\s*:\s*[\"']"  # composer.json
    rf"|(?P<d>github\.com/[\w.-]+/(?:{GO}))\s+v"  # go.mod
    rf"|<artifactId>(?P<e>{ARTIFACT})</artifactId>|Include=\"(?P<f>{ARTIFACT})\""  # Maven, NuGet
    rf"|[\"'][\w.-]+:(?P<g>{ARTIFACT}):[\w.-]+[\"']"  # Gradle
    r"|\bgem\s*\(?[\"'](?P<h>sms_activate|smsactivate|smshub)[\"']"  # Bundler
    rf"|(?<![:=]\s)(?<![:=])[\"'](?P<i>{_PIP})(?:[\[<>=~!; ][^\"'\n]*)?[\"']\s*[,\]]"  # setup.py, pyproject.toml
)


@dataclass(frozen=True, slots=True)
class Imported:
    """A library met in a file: where, which, and the names that it is known by there."""

    offset: int
    name: str
    bound: tuple[str, ...] = ()


def imports(source: Source) -> list[Imported]:
    """The libraries that a source file imports."""
    return [
        Imported(_start(found), _sdk(found), _bound(found))
        for one in _IMPORTS
        if source.language.name in one.languages
        for found in one.pattern.finditer(source.code)
        if f"/{_sdk(found)}/" not in f"/{source.path}"  # the library's own files
    ]


def declarations(source: Source) -> list[Imported]:
    """The libraries that a manifest declares; none in any other file."""
    if not MANIFESTS.search(source.path):
        return []
    return [
        Imported(found.start(found.lastgroup or 0), found.group(found.lastgroup or 0))
        for found in _DECLARED.finditer(source.code)
    ]


def _start(found: re.Match[str]) -> int:
    return found.start() + len(found.group()) - len(found.group().lstrip())


def _sdk(found: re.Match[str]) -> str:
    groups = found.groupdict()
    return groups.get("sdk") or groups.get("sdk2") or ""


def _bound(found: re.Match[str]) -> tuple[str, ...]:
    groups, sdk = found.groupdict(), _sdk(found)
    names = groups.get("names") or groups.get("names2") or ""
    # the last word of "A as B", "A: B", "* as A"; without any, the library's own name
    words = [re.findall(r"[\w$]+", part)[-1] for part in names.split(",") if re.search(r"\w", part)]
    return tuple(words) or (_BY_DEFAULT.get(sdk, sdk.rpartition("/")[2]),)


# --- what a method does ---------------------------------------------------------------------------------------

_VERBS = {
    "buynumber": "getNumber",
    "ordernumber": "getNumber",
    "requestnumber": "getNumber",
    "obtainnumber": "getNumber",
    "rentnumber": "getNumber",
    "getphone": "getNumber",
    "purchase": "getNumber",
    "getnumberextended": "getNumberV2",
    "getsms": "getStatus",
    "getcode": "getStatus",
    "waitcode": "getStatus",
    "waitforcode": "getStatus",
    "waitsms": "getStatus",
    "waitforsms": "getStatus",
    "getactivationstatus": "getStatus",
    "getactivation": "getStatus",
    "checkactivation": "getStatus",
    "setactivationstatus": "setStatus",
    "changestatus": "setStatus",
    "balance": "getBalance",
    "getavailableservices": "getNumbersStatus",
    "getprice": "getPrices",
}
"""Methods of client libraries that are not called like their action."""

_ENDINGS = {
    8: re.compile(r"^(?:cancel|refund|ban|reject|decline|release)(?:number|activation|order|status)?$"),
    6: re.compile(r"^(?:finish|complete|confirm|accept|done)(?:number|activation|order|status|code|sms)?$"),
    3: re.compile(
        r"^(?:retry|again|another|repeat|resend|requestanother|onemore)(?:number|activation|sms|code)?$"
    ),
}


def action_of(method: str) -> tuple[str, int | None] | None:
    """The action behind a method of a client library, and the status when its name alone says which."""
    plain = method.replace("_", "").lower().removesuffix("async")
    known = (
        lookup(plain) if plain.startswith(("get", "set", "check", "continue", "finish", "cancel")) else None
    )
    if known is not None:
        return known.name, None
    if plain in _VERBS:
        return _VERBS[plain], None
    return next((("setStatus", status) for status, ending in _ENDINGS.items() if ending.match(plain)), None)
