"""Client code written for the tests in the style of public clients, with what a person finds in it at each line's end.

``code  ~~ call country-id`` says that the line is a site of the kind ``call`` and that a person sees the hazard
``country-id`` on it. The labels are cut off before the text is scanned.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from canary.toolkit.inventory.model import SiteKind

CLIENTS = Path(__file__).parent / "clients"
_LABEL = re.compile(r"[ \t]*~~ (?P<labels>[a-z -]+)$", re.MULTILINE)
_KINDS = frozenset(SiteKind)

type Found = tuple[str, int, str]


@dataclass(frozen=True)
class Labelled:
    """Texts by path, and (path, line, what) of every label."""

    texts: dict[str, str]
    sites: frozenset[Found]
    hazards: frozenset[Found]


def labelled() -> Labelled:
    """All client code with its labels."""
    texts, found = {}, set()
    for file in sorted(CLIENTS.rglob("*.txt")):
        path = file.relative_to(CLIENTS).as_posix().removesuffix(".txt")
        marked = file.read_text("utf-8")
        texts[path] = _LABEL.sub("", marked)
        for number, line in enumerate(marked.split("\n"), 1):
            if label := _LABEL.search(line):
                found |= {(path, number, what) for what in label.group("labels").split()}
    sites = frozenset(one for one in found if one[2] in _KINDS)
    return Labelled(texts, sites, frozenset(found - sites))
