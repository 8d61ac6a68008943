"""A simulated new that is probed, with a policy that names it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canary.core.model import Arm
from canary.core.policy.model import HeaderValue
from canary.gateway.config import load, resolve
from canary.sim.behaviour import Behaviour
from canary.sim.knobs import changed
from canary.sim.profiles import PROFILES
from canary.sim.provider import Provider
from canary.toolkit.pools import Asker, Pace, opened
from canary.toolkit.probe import Prober, Subject
from canary.toolkit.probed import Probe, Result, Row
from tests.factories import NEW_KEY, OLD_KEY
from tests.rig import ENVIRON, policy, written

SANDBOX = HeaderValue(name="X-Sandbox-Mode", value="1")
FAST = 1000.0


@dataclass(frozen=True)
class Probed:
    """A probe, and the providers that it asked."""

    found: Probe
    new: Provider
    old: Provider

    def row(self, what: str) -> Row:
        [row] = [row for row in self.found.rows if row.what == what]
        return row

    @property
    def worse(self) -> dict[str, str]:
        """What clients would break on."""
        return {
            row.what: row.detail for row in self.found.rows if row.result in {Result.DIFFERS, Result.FAILED}
        }


def behaviour(dialect: str, **knobs: Any) -> Behaviour:
    """A provider that sells in a sandbox, without limits."""
    usual = {"rate_limit": None, "sandbox_header": SANDBOX.name}
    return changed(PROFILES[dialect], {**usual, **knobs})


@asynccontextmanager
async def probed(
    folder: Path,
    new: str = "sms-activate",
    old: str = "sms-activate",
    *,
    sandbox: bool = True,
    both: bool = False,
    key: str = NEW_KEY,
    subject: dict[str, Any] | None = None,
    url: str | None = None,
    side: dict[str, Any] | None = None,
    **knobs: Any,
) -> AsyncIterator[Probed]:
    """Probe a simulated provider.

    Args:
        key: the one that new accepts; empty: any.
        subject: fields of the subject.
        url: of new, in place of the simulated one's.
        side: more of the policy's ``arms.new``; its provider by default is that of the simulation's name.
        knobs: of new.
    """
    async with (
        Provider(behaviour(new, **knobs), seed="new", keys=[key] if key else []) as there,
        Provider(behaviour(old), seed="old", keys=[OLD_KEY]) as here,
    ):
        content = policy(
            here.url, url or there.url, old={"provider": old}, new={"provider": new, **(side or {})}
        )
        loaded = load(written(folder, content))
        secrets, arms = resolve(loaded, ENVIRON), (Arm.NEW, Arm.OLD)
        async with (
            opened(loaded, secrets, arms) as known,
            opened(loaded, secrets, (Arm.NEW,), {Arm.NEW: "wrong"}) as strangers,
        ):
            prober = Prober(
                Subject(loaded.profiles, **(subject or {})),
                Asker(known, Arm.NEW, Pace(FAST), SANDBOX if sandbox else None),
                Asker(strangers, Arm.NEW, Pace(FAST)),
                Asker(known, Arm.OLD, Pace(FAST)) if both else None,
                sandbox=sandbox,
            )
            yield Probed(await prober.run(), there, here)
