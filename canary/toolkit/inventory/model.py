"""What an inventory holds: call sites, hazards, wrappers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from canary.toolkit.inventory.languages import Role


class SiteKind(StrEnum):
    """What ties a line to the old API."""

    CALL = "call"  # an action is named in a request
    WRAPPER = "wrapper"  # a method of an SDK or of the repository's own wrapper is called
    NAME = "name"  # an action's name is kept, to be asked for elsewhere
    SDK = "sdk"  # a client library is imported, or declared as a dependency
    ENDPOINT = "endpoint"  # the address of a handler_api.php
    HOST = "host"  # a provider's host without a path


CALLS = frozenset({SiteKind.CALL, SiteKind.WRAPPER})


@dataclass(frozen=True, slots=True)
class Site:
    """One line that has to do with the old API.

    ``action`` is the catalogue's spelling where it knows the action. ``wrapper``: the SDK (``sdk:NAME``) or the
    path of the file through which the call goes. ``text`` is the line without any key.
    """

    path: str
    line: int
    column: int
    kind: SiteKind
    action: str = ""
    provider: str = ""
    wrapper: str = ""
    text: str = ""


class Level(StrEnum):
    """How bad a hazard is, in SARIF's words."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """A hazard that can be seen in code. ``help`` says what happens on the new provider and what to do."""

    id: str
    level: Level
    title: str
    help: str


@dataclass(frozen=True, slots=True)
class Hazard:
    """A rule met on a line; ``text`` is the line without any key."""

    rule: Rule
    path: str
    line: int
    column: int
    message: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in one file."""

    path: str
    language: str
    role: Role
    sites: tuple[Site, ...]
    hazards: tuple[Hazard, ...]

    @property
    def calls(self) -> tuple[Site, ...]:
        """The sites at which something is called."""
        return tuple(site for site in self.sites if site.kind in CALLS)


@dataclass(frozen=True, slots=True)
class Group:
    """A wrapper and the files that call through it; an empty name for direct calls."""

    wrapper: str
    files: tuple[str, ...]
    calls: int


MANY = 12
"""Call sites beyond which a wrapper comes first: a dozen (playbook, step 1)."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that was found under one root. ``seen`` counts the files looked at, ``skipped`` why others were not."""

    files: tuple[FileReport, ...]
    groups: tuple[Group, ...]
    provider: str
    seen: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(site for file in self.files for site in file.sites)

    @property
    def hazards(self) -> tuple[Hazard, ...]:
        return tuple(hazard for file in self.files for hazard in file.hazards)

    @property
    def advice(self) -> str:
        """Whether the calls should be centralised before anything is changed."""
        direct = {file.path: n for file in self.files if file.role is Role.CODE and (n := _direct(file))}
        total = sum(direct.values())
        if not total:
            return "no file calls the API directly"
        if len(direct) == 1:
            [path] = direct
            return f"all {total} direct calls are in {path}: change the address there"
        if total > MANY:
            return (
                f"{total} direct calls in {len(direct)} files, more than a dozen: "
                "put them behind one wrapper first, then change its address"
            )
        return f"{total} direct calls in {len(direct)} files: few enough to change one by one"


def _direct(file: FileReport) -> int:
    return sum(site.kind is SiteKind.CALL for site in file.sites)
