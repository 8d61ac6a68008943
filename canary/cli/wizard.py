"""``canary wizard``: a policy for a repository and two addresses, asking only what neither tells."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote as quoted
from typing import Literal

import click

from canary.cli.check import lines
from canary.cli.errors import UsageError
from canary.cli.inventory import progress_bar
from canary.core.policy.load import PolicyError
from canary.core.policy.model import ArmPolicy
from canary.gateway.config import load, shipped_profile, shipped_profiles
from canary.toolkit.inventory.tree import TreeError, take
from canary.toolkit.wizard.findings import Findings, findings, named, provider_at, webhook_files
from canary.toolkit.wizard.text import LOCAL, Answers, Side, environment, policy_text

GENERIC = "generic"


class _Url(click.ParamType[str]):
    """An address that an arm may have."""

    name = "url"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return ArmPolicy(url=str(value)).url
        except ValueError:
            # what was written may hold a key: it is not repeated
            self.fail(
                "that is no address of an arm; expected https://HOST/PATH without query and credentials",
                param,
                ctx,
            )


URL = _Url()


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks on the terminal, or takes what is suggested."""

    quietly: bool

    def url(self, given: str | None, arm: str, suggested: str | None) -> str:
        if given is not None:
            return given
        if self.quietly and suggested is None:
            raise UsageError(f"the address of {arm} is not known; give it with --{arm} URL")
        if self.quietly and suggested is not None:
            return suggested
        answer: str = click.prompt(f"Address of the {arm} provider", default=suggested, type=URL)
        return answer

    def choice(self, given: str | None, question: str, options: Sequence[str], suggested: str) -> str:
        if given is not None:
            return given
        if self.quietly:
            return suggested
        answer: str = click.prompt(
            question, default=suggested, type=click.Choice(options), show_choices=False
        )
        return answer

    def confirm(self, given: bool | None, question: str) -> bool:
        if given is not None:
            return given
        return True if self.quietly else click.confirm(question, default=True)


@click.command()
@click.argument("repository", type=click.Path(path_type=Path))
@click.option(
    "--old", "old_url", type=URL, metavar="URL", help="Where calls go today.  [default: as in the code]"
)
@click.option("--new", "new_url", type=URL, metavar="URL", help="Where they shall go.")
@click.option("--old-provider", metavar="NAME", help="Its profile.  [default: by its host]")
@click.option("--new-provider", metavar="NAME", help="Its profile.  [default: by its host]")
@click.option(
    "--old-key-env", default="OLD_SMS_KEY", show_default=True, metavar="NAME", help="Variable of old's key."
)
@click.option(
    "--new-key-env", default="NEW_SMS_KEY", show_default=True, metavar="NAME", help="Variable of new's key."
)
@click.option(
    "--mode", type=click.Choice(["reverse", "regular"]), help="How clients come.  [default: as the code is]"
)
@click.option("--webhooks/--no-webhooks", default=None, help="Receive webhooks.  [default: if the code does]")
@click.option("--name", metavar="NAME", help="Of the rollout.  [default: OLD-to-NEW]")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default="canary.yaml",
    show_default=True,
)
@click.option("--yes", "-y", "quietly", is_flag=True, help="Ask nothing, take what is suggested.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def wizard(
    repository: Path,
    old_url: str | None,
    new_url: str | None,
    old_provider: str | None,
    new_provider: str | None,
    old_key_env: str,
    new_key_env: str,
    mode: Literal["reverse", "regular"] | None,
    webhooks: bool | None,
    name: str | None,
    output: Path,
    quietly: bool,
    force: bool,
) -> None:
    """Look into REPOSITORY and write a policy that says why each line of it stands there. No key is asked for."""
    _check_output(output, force)
    asking = _Asking(quietly)
    found = _look(repository)
    old_url = asking.url(old_url, "old", next(iter(found.urls), None))
    new_url = asking.url(new_url, "new", None)
    old = _side(asking, "old", old_url, old_provider, old_key_env, found)
    new = _side(asking, "new", new_url, new_provider, new_key_env, found)
    answers = Answers(
        name or f"{old.provider}-to-{new.provider}",
        old,
        new,
        _mode(asking, mode, found, old_url),
        _webhooks(asking, webhooks, found),
        repository.resolve().name,
        found,
    )
    _write(output, policy_text(answers))
    for line in (*lines(load(output)), *_next(answers, output)):
        click.echo(line)


def _check_output(output: Path, force: bool) -> None:
    if output.exists() and not force:
        raise UsageError(
            f"{output} is there already; choose another file with --output, or write over it with --force"
        )
    if not output.parent.is_dir():
        raise UsageError(f"there is no folder {output.parent} to write {output.name} into")


def _look(repository: Path) -> Findings:
    try:
        with progress_bar() as progress:
            found = take([repository], shipped_profile(GENERIC), progress=progress)
        return findings(found, [*webhook_files(repository)])
    except TreeError as error:
        raise UsageError(str(error)) from None


def _side(asking: _Asking, arm: str, url: str, given: str | None, key_env: str, found: Findings) -> Side:
    known = provider_at(url)
    if given is None and known in shipped_profiles():
        provider, why = known, "By its host."
    else:
        question = f"Profile of the {arm} provider ({', '.join(shipped_profiles())})"
        provider, why = asking.choice(given, question, shipped_profiles(), GENERIC), ""
    places = found.urls.get(url, ())
    where = f"As in {named(places)}." if places else ""
    return Side(url, provider, key_env, shipped_profile(provider), where, why)


def _mode(
    asking: _Asking, given: Literal["reverse", "regular"] | None, found: Findings, url: str
) -> Literal["reverse", "regular"]:
    """Asked only where the address cannot be changed in one place."""
    if given is not None or not found.fixed(url):
        return given or "reverse"
    files = found.hard_coded(url)
    where = f"is written into {named(files)}" if files else f"is a library's own ({', '.join(found.sdks)})"
    question = (
        f"The address {where}. Change it there (reverse), or go through the harness as a proxy (regular)?"
    )
    return (
        "regular"
        if asking.choice(None, question, ("reverse", "regular"), "regular") == "regular"
        else "reverse"
    )


def _webhooks(asking: _Asking, given: bool | None, found: Findings) -> bool:
    if given is None and not found.webhooks:
        return False
    return asking.confirm(
        given, f"Codes come by webhook ({named(found.webhooks)}). Let the harness receive them first?"
    )


def _write(output: Path, text: str) -> None:
    """Write the file once it is known to be sound; a half-written one never stands there."""
    draft = output.with_name(f".{output.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        load(draft)
        draft.replace(output)
    except PolicyError as error:
        raise PolicyError(str(error).replace(str(draft), str(output))) from None
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _next(answers: Answers, output: Path) -> Iterator[str]:
    """What to type next, in order."""
    yield ""
    yield "next:"
    for variable in environment(answers):
        yield f"  export {variable}=...{' (is set)' if os.environ.get(variable) else ''}"
    yield f"  canary check {quoted(str(output))}"
    yield f"  canary countries {quoted(str(output))}"
    yield f"  canary probe {quoted(str(output))}"
    yield f"  canary plan {quoted(str(output))} --leases-per-hour 200"
    yield f"  canary run {quoted(str(output))} --listen 0.0.0.0:8080"
    if answers.mode == "reverse":
        yield f"then point clients at {LOCAL}"
    else:
        yield "then start clients with HTTPS_PROXY=http://HARNESS:8080 and mitmproxy's CA"
