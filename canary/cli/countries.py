"""``canary countries``: what both providers call a country, where they disagree, what to put into the policy."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from canary.cli.errors import UsageError
from canary.core.model import Arm
from canary.core.policy.model import Profile
from canary.gateway.config import Loaded, load, resolve, shipped_profile
from canary.toolkit.countries import Comparison, Listed, Mapped, Provider, compared, documented, live
from canary.toolkit.live import NoTableError, tables


@dataclass(frozen=True, slots=True)
class _Sides:
    """Two providers and what the policy already translates between them."""

    old: Provider
    new: Provider
    translated: Mapping[str, str]


@click.command()
@click.argument("policy", type=click.Path(path_type=Path), required=False)
@click.option(
    "--provider",
    metavar="NAME",
    help="The profile to compare with sms-activate when no policy is given.  [default: verifysms]",
)
@click.option(
    "--live", "ask", is_flag=True, help="Ask both arms of the policy for their own tables (getCountries)."
)
@click.option("--all", "everything", is_flag=True, help="Show the countries on which all agree, too.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def countries(policy: Path | None, provider: str | None, ask: bool, everything: bool, as_json: bool) -> None:
    """Show what legacy ids, ISO codes and the providers' own ids mean, and where they disagree."""
    if policy and provider:
        raise UsageError("a policy names its own providers; leave out --provider or the policy")
    if ask and not policy:
        raise UsageError("--live asks the arms of a policy; add the policy's file")
    sides = _of_policy(policy, ask) if policy else _of_profiles(provider or "verifysms")
    found = compared(sides.old, sides.new, sides.translated)
    if as_json:
        click.echo(json.dumps(_document(sides, found)))
        return
    for line in _lines(sides, found, everything):
        click.echo(line)


def _of_profiles(name: str) -> _Sides:
    old, new = (documented(shipped_profile(one), one) for one in ("sms-activate", name))
    return _Sides(old, new, {})


def _of_policy(path: Path, ask: bool) -> _Sides:
    loaded = load(path)
    own = _asked(loaded) if ask else {}
    old, new = (_provider(loaded.profiles[arm], arm, own.get(arm)) for arm in Arm)
    return _Sides(old, new, loaded.policy.arms.new.countries)


def _provider(profile: Profile, arm: Arm, rows: Sequence[Listed] | None) -> Provider:
    return documented(profile, arm) if rows is None else live(profile, arm, rows)


def _asked(loaded: Loaded) -> Mapping[Arm, Sequence[Listed]]:
    try:
        return asyncio.run(tables(loaded, resolve(loaded)))
    except NoTableError as error:
        raise UsageError(f"{error}; without --live the profiles are compared") from None


def _document(sides: _Sides, found: Comparison) -> dict[str, object]:
    return {
        "old": {"name": sides.old.name, "source": sides.old.source},
        "new": {"name": sides.new.name, "source": sides.new.source},
        "countries": [asdict(row) for row in found.rows],
        "translated": dict(sides.translated),
        "translate": dict(found.translate),
    }


def _lines(sides: _Sides, found: Comparison, everything: bool) -> Iterator[str]:
    disputed = sum(bool(row.disagreements) for row in found.rows)
    yield f"{len(found.rows)} countries, {disputed} of them with a trap"
    for provider in (sides.old, sides.new):
        yield f"  {provider.name}: {provider.source}"
    yield ""
    yield _row("ISO", "country", "legacy", sides.old.name, sides.new.name)
    for row in found.rows:
        if everything or row.disagreements:
            yield from _country(row)
    if found.translate:
        pairs = ", ".join(f"{theirs}: {own}" for theirs, own in found.translate.items())
        yield ""
        yield "in the policy, so that unchanged clients reach the same countries on new:"
        yield f"  arms.new.countries: {{{pairs}}}"


def _country(row: Mapped) -> Iterator[str]:
    yield _row(row.iso2, row.name, *(", ".join(ids) or "-" for ids in (row.legacy, row.old, row.new)))
    yield from (f"     {one}" for one in row.disagreements)


def _row(iso: str, name: str, *ids: str) -> str:
    cells = "".join(f"{one:<14}" for one in ids)
    return f"{iso:<4} {name:<28} {cells}".rstrip()
