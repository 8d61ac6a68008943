"""A Grafana dashboard over the harness's metrics."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from canary.core.policy.gates import STATISTICAL
from canary.core.reasons import title
from canary.toolkit.alerts import FAULTS, Series

WIDTH = 24
"""Grafana's columns."""

SCHEMA = 39
"""Of Grafana 10 and later; later versions bring an older schema up themselves."""

_FACTORS = {"latency_p95": "s", "cost_per_success": "none"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. ``queries`` give an expression by its legend."""

    title: str
    queries: Mapping[str, str]
    unit: str = "none"
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    meaning: str = ""
    log: bool = False


def grafana_dashboard(name: str, *, job: str | None = None) -> dict[str, Any]:
    """The dashboard of the rollout ``name``, ready to be imported.

    Args:
        job: the scrape job of this rollout's harness.
    """
    return {
        "uid": f"canary-{name}"[:40],
        "title": f"canary {name}",
        "tags": ["canary"],
        "schemaVersion": SCHEMA,
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "30s",
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": list(_placed(_panels(Series(job)))),
    }


def _placed(panels: Iterator[Panel]) -> Iterator[dict[str, Any]]:
    """The panels in rows, from left to right."""
    x = y = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > WIDTH:
            x, y = 0, y + panel.height
        yield _json(panel, number, x, y)
        x += panel.width


def _json(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    scale = {"type": "log", "log": 10} if panel.log else {"type": "linear"}
    custom = {"lineWidth": 2, "fillOpacity": 6, "showPoints": "never", "scaleDistribution": scale}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": source,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": source, "expr": expr, "legendFormat": legend}
            for index, (legend, expr) in enumerate(panel.queries.items())
        ],
    }


def _panels(series: Series) -> Iterator[Panel]:
    yield from _place(series)
    for metric in STATISTICAL:
        yield from _gate(metric, series)
    yield from _traffic(series)
    yield from _health(series)


def _place(series: Series) -> Iterator[Panel]:
    def stat(title: str, legend: str, expr: str, unit: str = "none") -> Panel:
        return Panel(title, {legend: expr}, unit, kind="stat", width=6, height=4)

    yield stat("State", "{{state}}", f"max by (state) ({series('state')}) == 1")
    yield stat("Stage", "{{stage}}", f"max by (stage) ({series('stage_info')})")
    yield stat("Weight of new", "new", f"max({series('weight')})", "percentunit")
    yield stat("Verdict", "{{kind}}", f"max by (kind) ({series('verdict')}) == 1")


def _gate(metric: str, series: Series) -> Iterator[Panel]:
    name = title(metric)
    unit = _FACTORS.get(metric, "percentunit")
    values = {"{{arm}}": f"max by (arm) ({series('gate_value', metric=metric)})"}
    yield Panel(
        f"{name[:1].upper()}{name[1:]}",
        values,
        unit,
        width=12,
        meaning="Of leases that matured, old against new",
    )
    yield Panel(
        f"Evidence: {name}",
        {
            "{{side}}": f"max by (side) ({series('gate_evidence', metric=metric)})",
            "{{side}} needed": f"max by (side) ({series('gate_evidence_needed', metric=metric)})",
        },
        width=12,
        meaning="A line that crosses what is needed has decided, however often one looked before",
        log=True,
    )


def _traffic(series: Series) -> Iterator[Panel]:
    calls = series("calls_total")
    faults = series("calls_total", outcome=FAULTS)
    buckets = series("call_latency_seconds_bucket")
    yield Panel("Calls", {"{{arm}}": f"sum by (arm) (rate({calls}[5m]))"}, "reqps")
    yield Panel(
        "Failed calls",
        {"{{arm}}": f"sum by (arm) (rate({faults}[5m])) / sum by (arm) (rate({calls}[5m]))"},
        "percentunit",
    )
    yield Panel(
        "Latency p95",
        {"{{arm}}": f"histogram_quantile(0.95, sum by (arm, le) (rate({buckets}[5m])))"},
        "s",
    )
    yield Panel("Leases", {"{{arm}} {{state}}": f"max by (arm, state) ({series('leases')})"})
    yield Panel(
        "Money spent",
        {
            "{{arm}}": f"max by (arm) ({series('spent')})",
            "{{arm}} refunded": f"max by (arm) ({series('refunded')})",
        },
    )
    yield Panel("Cost per success", {"{{arm}}": f"max by (arm) ({series('cost_per_success')})"})
    yield Panel(
        "Shadow copies",
        {what: f"sum(rate({series(f'shadow_{what}_total')}[5m]))" for what in ("sent", "dropped", "failed")},
        "reqps",
    )
    yield Panel(
        "Contract",
        {
            "differences": f"max({series('contract_differences')})",
            "unmapped actions": f"max({series('unmapped_actions')})",
        },
    )
    yield Panel(
        "Hazards per hour", {"{{hazard}}": f"sum by (hazard) (increase({series('hazards_total')}[1h]))"}
    )


def _health(series: Series) -> Iterator[Panel]:
    yield Panel(
        "Purchases to look after, per hour",
        {
            what.replace("_", " "): f"sum(increase({series(f'{what}_total')}[1h]))"
            for what in ("lost_purchases", "unbound_purchases", "spillovers", "misrouted")
        },
    )
    yield Panel(
        "Signs of life",
        {
            "controller": f"max({series('controller_heartbeat_age_seconds')})",
            "store": f"max({series('store_lag_seconds')})",
        },
        "s",
        meaning="Seconds since the controller's last tick, and since the rollout was last read from the store",
    )
    yield Panel(
        "In flight",
        {"calls": f"sum({series('in_flight')})", "shadow queue": f"sum({series('shadow_queue')})"},
    )
