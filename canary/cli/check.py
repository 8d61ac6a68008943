"""``canary check``: is a policy sound, and can its keys be read?"""

import json
from pathlib import Path

import click

from canary.core.model import Arm
from canary.core.policy.load import policy_hash
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
    arms = [f"  {arm:<4} {policy.arm(arm).url} ({loaded.profiles[arm].title})" for arm in Arm]
    stages = [
        f"  {stage.name:<10} {show_share(stage.weight):>6} of new leases, {show_share(stage.shadow)} shadowed, "
        f"held {show_duration(stage.hold)}{', needs approval' if stage.approval == 'required' else ''}"
        for stage in policy.stages
    ]
    head = f"{loaded.path} is sound: rollout {policy.name}, policy {policy_hash(policy)}"
    return [head, "arms", *arms, "stages", *stages]
