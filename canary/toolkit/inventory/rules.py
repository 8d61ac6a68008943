"""The rules for code, and those that only need to know which action is called."""

from collections.abc import Iterator

from canary.core.actions import lookup
from canary.toolkit.inventory import hazards
from canary.toolkit.inventory.model import SiteKind
from canary.toolkit.inventory.replies import empty_retried, prefix_unchecked, price_from_table
from canary.toolkit.inventory.statuses import finished_unseen, never_cancelled, swapped
from canary.toolkit.inventory.view import Check, Met, View


def unsupported(view: View) -> Iterator[Met]:
    """Actions that the new provider's profile says it does not have."""
    for site in view.sites:
        if site.action in view.profile.unsupported_actions:
            message = f"{site.action} has no equivalent at {view.profile.name}"
            yield hazards.UNSUPPORTED, view.source.offset(site.line, site.column), message


def unknown(view: View) -> Iterator[Met]:
    """Actions that the catalogue does not know."""
    for site in view.sites:
        if site.kind is SiteKind.CALL and site.action and lookup(site.action) is None:
            message = f"{site.action} is in no provider's documentation"
            yield hazards.UNKNOWN_ACTION, view.source.offset(site.line, site.column), message


CHECKS: tuple[Check, ...] = (
    finished_unseen,
    never_cancelled,
    swapped,
    empty_retried,
    prefix_unchecked,
    price_from_table,
    unsupported,
    unknown,
)
"""What is looked for in code."""
