"""A policy as text that explains itself: each choice under a comment that says why."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml

from canary.core.dialects import DIALECTS
from canary.core.model import Arm
from canary.core.policy.model import Profile
from canary.toolkit.countries import compared, documented
from canary.toolkit.wizard.findings import Findings, named

WIDTH = 110
LOCAL = "http://HARNESS:8080/stubs/handler_api.php"
"""Where clients go in reverse mode; the host is the reader's."""

WEBHOOKS = "127.0.0.1:8090"


@dataclass(frozen=True, slots=True)
class Side:
    """One arm as it was answered: its address, its profile, and the variable with its key.

    ``where`` and ``why``: from where the address and the profile are known.
    """

    url: str
    provider: str
    key_env: str
    profile: Profile
    where: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """All that the wizard knows in the end. ``repository``: as it was named."""

    name: str
    old: Side
    new: Side
    mode: Literal["reverse", "regular"]
    webhooks: bool
    repository: str
    found: Findings = field(repr=False)


def policy_text(answers: Answers) -> str:
    """The policy file."""
    parts = (_head, _mode, _arms, _shadow, _money, _webhooks, _stages, _rest)
    return "\n".join(line for part in parts for line in part(answers)) + "\n"


def environment(answers: Answers) -> list[str]:
    """The variables that the policy refers to."""
    keys = [answers.old.key_env, answers.new.key_env]
    hooks = ["OLD_WEBHOOK_TOKEN", "NEW_WEBHOOK_TOKEN", "SMS_WEBHOOK_URL"] if answers.webhooks else []
    accounts = [name for arm, side in _sides(answers) for name in account_headers(arm, side.profile).values()]
    return list(dict.fromkeys([*keys, *accounts, *hooks]))


def account_headers(arm: Arm, profile: Profile) -> dict[str, str]:
    """The headers by which a provider knows the account, where its key alone does not tell; each with a variable."""
    dialect = DIALECTS.get(profile.dialect)
    names = dialect.login.headers if dialect is not None and dialect.login is not None else ()
    return {name: f"{arm}_{name.lower().removeprefix('x-')}".replace("-", "_").upper() for name in names}


def _sides(answers: Answers) -> tuple[tuple[Arm, Side], ...]:
    return ((Arm.OLD, answers.old), (Arm.NEW, answers.new))


def intercepted(answers: Answers) -> list[str]:
    """The hosts whose traffic is answered in regular mode."""
    url = answers.old.url
    return list(dict.fromkeys([*answers.found.of_provider(url), urlsplit(url).hostname or ""]))


def _head(answers: Answers) -> Iterator[str]:
    found = answers.found
    yield from _said(
        f"Written by `canary wizard` from {answers.repository}. Change what you like, then run `canary check`."
    )
    if found.calls:
        calls = ", ".join(f"{name} {len(places)}" for name, places in found.calls.items())
        yield from _said(f"Calls of the old API found there: {calls}.")
    if found.advice:
        yield from _said(f"{found.advice[0].upper()}{found.advice[1:]}.")
    yield f"name: {_value(answers.name)}"


def _mode(answers: Answers) -> Iterator[str]:
    found = answers.found
    yield ""
    if answers.mode == "regular":
        if files := found.hard_coded(answers.old.url):
            yield from _said(f"The address is written into code: {named(files)}.")
        if found.sdks:
            yield from _said(f"Client libraries with an address of their own: {', '.join(found.sdks)}.")
        yield from _said(
            "Clients keep their address and go through the harness as a proxy (HTTPS_PROXY), with mitmproxy's CA. "
            "Of what comes, the hosts below are answered; all others pass untouched."
        )
        yield "mode: regular"
        yield f"intercept: {_value(intercepted(answers))}"
        return
    places = [place for here in found.urls.values() for place in here]
    where = f" in {named(places)}" if places else ""
    yield from _said(f"Clients change their base URL{where} to {LOCAL} and nothing else.")
    yield "mode: reverse"


def _arms(answers: Answers) -> Iterator[str]:
    yield ""
    yield "arms:"
    for arm, side in _sides(answers):
        yield f"  {arm}:"
        if side.where:
            yield from _said(side.where, 4)
        yield f"    url: {_value(side.url)}"
        known = f"{side.why} " if side.why else ""
        yield from _said(f"{known}{side.profile.title}: its lifetimes, limits and refund rules.", 4)
        yield f"    provider: {_value(side.provider)}"
        yield from _said(f"No key stands in this file: export {side.key_env}=... where the harness runs.", 4)
        yield f"    api_key: {{env: {side.key_env}}}"
        if headers := account_headers(arm, side.profile):
            yield from _said("Beside its key the provider must be told the account.", 4)
            yield f"    headers: {_value({name: {'env': variable} for name, variable in headers.items()})}"
    yield from _countries(answers)


def _countries(answers: Answers) -> Iterator[str]:
    found = answers.found
    if found.mixed:
        yield from _said(
            f"Numeric ids and ISO codes are mixed in {named(found.mixed)}: decide for one. `canary hazards` shows who "
            "still mixes them.",
            4,
        )
    needed = translation(answers.old.profile, answers.new.profile)
    if not needed:
        return
    where = f" The code writes numeric ids in {named(found.numeric)}." if found.numeric else ""
    yield from _said(
        f"Countries whose ids differ between the two providers; `canary countries` shows all.{where}", 4
    )
    yield "    countries:"
    yield from (f"      {_value(theirs)}: {_value(own)}" for theirs, own in needed.items())


def translation(old: Profile, new: Profile) -> Mapping[str, str]:
    """The country ids that ``new`` has to be sent in place of the clients'."""
    if new.dialect != old.dialect:
        return {}
    return compared(documented(old, "old"), documented(new, "new"), {}).translate


def _shadow(answers: Answers) -> Iterator[str]:
    sandbox = answers.new.profile.sandbox_header is not None
    more = (
        " `sandbox` would repeat purchases in new's sandbox, for nothing; `live` within a budget."
        if sandbox
        else ""
    )
    yield ""
    yield from _said(f"Reads are repeated to new and compared; nothing is bought for comparison.{more}")
    yield "shadow:"
    yield "  leases: off"


def _money(_answers: Answers) -> Iterator[str]:
    yield ""
    yield from _said(
        "Balances show whether refunds come. `{poll: 60s}` asks for them; off, those that clients ask for are used."
    )
    yield "reconcile: {poll: off}"
    yield from _said(
        "`true` looks up purchases whose answer was lost, and cancels them; only if nobody else buys with this key."
    )
    yield "recover_lost: false"


def _webhooks(answers: Answers) -> Iterator[str]:
    if not answers.webhooks:
        return
    yield ""
    if answers.found.webhooks:
        yield from _said(f"Codes come by webhook: {named(answers.found.webhooks)}.")
    yield from _said(
        "Providers post to https://HOST/webhooks/old/TOKEN and .../new/TOKEN (docs/webhooks.md); the harness records "
        "the code and sends the message on to your receiver. Tokens are 16 characters or more: openssl rand -hex 24"
    )
    yield "webhooks:"
    yield f"  listen: {_value(WEBHOOKS)}"
    yield "  arms:"
    for arm, side in _sides(answers):
        if side.profile.webhook_sources:
            yield from _said("Only from the addresses that its profile names.", 4)
            yield f"    {arm}: {{token: {{env: {arm.upper()}_WEBHOOK_TOKEN}}}}"
        else:
            yield from _said(
                "Its addresses are not known: the token alone lets in. Better: sources: [address, ...]", 4
            )
            yield f"    {arm}: {{token: {{env: {arm.upper()}_WEBHOOK_TOKEN}}, sources: any}}"
    yield "  forward: {url: {env: SMS_WEBHOOK_URL}}"


def _stages(answers: Answers) -> Iterator[str]:
    found = answers.found
    yield ""
    yield from _said(
        "A stage is left when its time has passed, its leases are there and every gate has proven that new is as good. "
        "`canary plan` says how long that takes at your traffic. Harm rolls back at once."
    )
    missing = found.unsupported(answers.new.profile)
    for action, places in missing.items():
        yield from _said(
            f"{action} has no equivalent on new and keeps the cutover closed while it is used: {named(places)}."
        )
    if found.rents and not missing:
        yield from _said(
            f"Long leases are in use ({', '.join(found.rents)}): they keep their arm for hours to weeks."
        )
    yield "stages:"
    yield "  - {name: shadow, weight: 0%, shadow: 100%, hold: 1h}      # look before anybody is moved"
    yield "  - {name: canary, weight: 5%, shadow: 10%, hold: 24h, min_leases: 100}"
    yield "  - {name: quarter, weight: 25%, hold: 2h}"
    yield "  - {name: half, weight: 50%, hold: 2h}"
    yield "  - {name: cutover, weight: 100%, approval: required}       # `canary approve`"


def _rest(_answers: Answers) -> Iterator[str]:
    yield ""
    yield from _said(
        "Gates, margins and everything else are the defaults: `canary check --json` on this file shows them."
    )


def _said(text: str, indent: int = 0) -> Iterator[str]:
    """A comment; what a file's name may hold beyond print is shown as a question mark."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    pad = " " * indent + "# "
    yield from textwrap.wrap(shown, WIDTH, initial_indent=pad, subsequent_indent=pad, break_long_words=False)


def _value(value: Any) -> str:
    """A value in YAML, on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
