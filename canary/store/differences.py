"""Sightings of traits as rows per proxy process, put together again as shapes when read."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from canary.core.compare.judge import Exemption
from canary.core.compare.shape import Shape, Sighting, TraitKey, disjoint
from canary.core.compare.traits import Aspect, Trait
from canary.core.model import Arm
from canary.store.schema import traits
from canary.store.upsert import upsert

type Shapes = dict[str, dict[Arm, Shape]]
"""Per action, what each arm's replies look like."""


def write_sightings(
    connection: Connection, rollout: str, proxy: str, changed: Mapping[TraitKey, Sighting]
) -> None:
    """Replace this proxy's rows: writing the same sightings twice changes nothing."""
    upsert(connection, traits, [_row(rollout, proxy, key, sighting) for key, sighting in changed.items()])


def _row(rollout: str, proxy: str, key: TraitKey, sighting: Sighting) -> dict[str, Any]:
    return {
        "rollout": rollout,
        "proxy": proxy,
        "attempt": key.attempt,
        "arm": key.arm,
        "action": key.action,
        **key.trait._asdict(),
        "n": sighting.n,
        "first_at": sighting.first_at,
        "last_at": sighting.last_at,
        "example": sighting.example,
    }


def read_shapes(connection: Connection, rollout: str, attempt: int) -> Shapes:
    """What all proxies saw in an attempt."""
    key = (
        traits.c.action,
        traits.c.arm,
        traits.c.branch,
        traits.c.path,
        traits.c.aspect,
        traits.c.value,
    )
    seen = (
        func.sum(traits.c.n),
        func.max(traits.c.n),
        func.min(traits.c.first_at),
        func.max(traits.c.last_at),
        func.min(traits.c.example),
    )
    where = (traits.c.rollout == rollout, traits.c.attempt == attempt)
    shapes: Shapes = {}
    for action, arm, branch, path, aspect, value, n, most, first, last, example in connection.execute(
        select(*key, *seen).where(*where).group_by(*key)
    ):
        trait = Trait(branch, path, Aspect(aspect), value)
        cases = int(n) if disjoint(action, trait) else most
        shape = shapes.setdefault(action, {}).setdefault(Arm(arm), Shape(action))
        shape.sightings[trait] = Sighting(cases, first, last, example)
    return shapes


def exemptions_in(policy: str) -> list[Exemption]:
    """The exceptions that a stored policy declares."""
    written = json.loads(policy).get("shadow", {}).get("exceptions", ())
    return [_exemption(**one) for one in written]


def _exemption(action: str | None = None, path: str | None = None, kind: str | None = None) -> Exemption:
    return Exemption(action, path, Aspect(kind) if kind else None)
