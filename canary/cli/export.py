"""``canary export``: alert rules for Prometheus and a dashboard for Grafana, made from the policy."""

import json
from pathlib import Path

import click
import yaml

from canary.gateway.config import load
from canary.toolkit.alerts import alert_rules
from canary.toolkit.grafana import grafana_dashboard

_JOB = click.option("--job", help="Scrape job of this harness, when the Prometheus watches several.")
_POLICY = click.argument("policy", type=click.Path(path_type=Path))


@click.group()
def export() -> None:
    """Write what Prometheus and Grafana need to watch a rollout."""


@export.command()
@_POLICY
@_JOB
@click.option(
    "--runbooks",
    default="runbooks",
    show_default=True,
    help="URL or folder where the runbooks are to be read.",
)
def alerts(policy: Path, job: str | None, runbooks: str) -> None:
    """Print Prometheus alert rules with the policy's margins and holds as thresholds."""
    loaded = load(policy)
    lifetime = max(profile.lifetime for profile in loaded.profiles.values())
    rules = alert_rules(loaded.policy, lifetime, job=job, runbooks=runbooks)
    click.echo(yaml.safe_dump(rules, sort_keys=False, width=1000, allow_unicode=True), nl=False)


@export.command()
@_POLICY
@_JOB
def dashboard(policy: Path, job: str | None) -> None:
    """Print a Grafana dashboard to import."""
    click.echo(json.dumps(grafana_dashboard(load(policy).policy.name, job=job), indent=2))
