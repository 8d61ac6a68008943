"""``canary check``: is a policy sound, and can its keys be read?"""

import json
from pathlib import Path

import click

from canary.core.dialects import HANDLER_API
from canary.core.model import Arm
from canary.core.policy.load import policy_hash
from canary.core.policy.model import Policy, Profile
from canary.core.policy.notation import show_duration, show_share
from canary.gateway.config import Loaded, load, resolve, resolve_webhooks


@click.command()
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the policy as the harness reads it.")
def check(policy: Path, as_json: bool) -> None:
    """Read a policy as ``canary run`` would, and say what it means. Exit code 2 when it is not sound."""
    loaded = load(policy)
    resolve(loaded)
    resolve_webhooks(loaded)
    if as_json:
        click.echo(json.dumps(loaded.policy.model_dump(mode="json") | {"hash": policy_hash(loaded.policy)}))
        return
    for line in lines(loaded):
        click.echo(line)


def lines(loaded: Loaded) -> list[str]:
    """What a sound policy means, for a reader."""
    policy = loaded.policy
    arms = [f"  {arm:<4} {policy.arm(arm).url} ({_spoken(loaded.profiles[arm])})" for arm in Arm]
    stages = [
        f"  {stage.name:<10} {show_share(stage.weight):>6} of new leases, {show_share(stage.shadow)} shadowed, "
        f"held {show_duration(stage.hold)}{', needs approval' if stage.approval == 'required' else ''}"
        for stage in policy.stages
    ]
    head = f"{loaded.path} is sound: rollout {policy.name}, policy {policy_hash(policy)}"
    return [head, "arms", *arms, "stages", *stages, *_webhooks(policy)]


def _webhooks(policy: Policy) -> list[str]:
    section = policy.webhooks
    if section is None:
        return []
    senders = " and ".join(arm for arm in Arm if section.arm(arm) is not None)
    told = "sent on to the client" if section.forward else "recorded alone"
    return ["webhooks", f"  of {senders}, received on {section.listen}, {told}"]


def _spoken(profile: Profile) -> str:
    """Who the provider is, and that clients' calls are translated for it."""
    return profile.title if profile.dialect == HANDLER_API else f"{profile.title}, dialect {profile.dialect}"
