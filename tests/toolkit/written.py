"""A told rollout, and the facts of its report."""

from canary.store.store import Store
from canary.toolkit.dossier import Facts
from canary.toolkit.horizon import horizon_of
from canary.toolkit.report import report
from canary.web.status import status_of
from tests.story import NAME, Story


def facts(story: Story) -> Facts:
    """What ``canary report`` writes of the story."""
    store: Store = story.store
    found, now = report(store, NAME), story.clock()
    return Facts(
        report=found,
        status=status_of(store, NAME, now),
        points=store.history(NAME),
        tests=horizon_of(store, NAME, [review.decision for review in found.reviews], now),
        findings=store.findings(NAME),
        hazards=store.hazards(NAME),
        at=now,
    )
