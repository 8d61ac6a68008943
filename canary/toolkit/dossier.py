"""The report for people as sections of text, tables and plots, whatever they are written as in the end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log10
from typing import Any

from canary import __version__
from canary.core.compare.acks import Findings
from canary.core.hazards import MEANINGS, HazardName, Record, Suspect
from canary.core.margins import COST, LATENCY
from canary.core.policy.notation import show_share
from canary.core.reasons import title
from canary.core.stats.fixed import LABEL
from canary.store.history import Point
from canary.toolkit.horizon import TIME, AtHorizon
from canary.toolkit.report import Report, Review

NONE = "–"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report is made of. ``status`` is the status JSON, ``at`` when it was made."""

    report: Report
    status: Mapping[str, Any]
    points: Sequence[Point]
    tests: Sequence[AtHorizon]
    findings: Findings
    hazards: Mapping[Suspect, Record]
    at: float


@dataclass(frozen=True, slots=True)
class Table:
    """The first column names the row."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Plot:
    """Evidence of one gate over time, with what it needs to decide. ``promote`` is empty for a guard."""

    metric: str
    at: Sequence[float]
    rollback: Sequence[float | None]
    promote: Sequence[float | None]
    rollback_at: float
    promote_at: float | None


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to be typed."""

    lines: tuple[str, ...]


type Part = str | Table | Plot | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    parts: Sequence[Part]


def sections(facts: Facts) -> list[Section]:
    """The whole report, in order."""
    return [Section(heading, tuple(parts(facts))) for heading, parts in _SECTIONS.items()]


def _verdict(facts: Facts) -> Iterator[Part]:
    status = facts.status
    state = status["state"].replace("_", " ")
    yield (
        f"{state.capitalize()} in stage {status['stage']} since {moment(status['since'])}: "
        f"{show_share(status['weight'])} of new leases go to new, the safe arm is {status['safe_arm']}."
    )
    yield from (f"{reason[:1].upper()}{reason[1:]}." for reason in status["verdict"]["reasons"])
    yield f"Policy {facts.report.policy_hash}; made {moment(facts.at)} by canary {__version__}."


def _gates(facts: Facts) -> Iterator[Part]:
    judged = {name: gate for name, gate in facts.status["metrics"].items() if gate["old"]}
    if not judged:
        yield "Nothing has been judged yet."
        return
    yield (
        "Old against new over leases that matured alike, with sequential evidence: a gate decides when its evidence "
        "reaches what it needs, and that holds however often one looks. Intervals hold with 95 %."
    )
    head = ("gate", "says", "old", "n", "new", "n", "difference", "interval", "margin", "harm", "as good")
    yield Table(head, [_gate(name, gate) for name, gate in judged.items()])
    for name, gate in judged.items():
        if plot := _plot(name, gate, facts.points):
            yield plot


def _gate(name: str, gate: Mapping[str, Any]) -> tuple[str, ...]:
    show, compare = _UNITS.get(name, (_percent, _points))
    old, new, evidence = gate["old"], gate["new"], gate["evidence"] or {}
    interval = gate["interval"]
    return (
        title(name),
        gate["verdict"].replace("_", " ") + ("" if gate["enforced"] else ", not enforced"),
        *(show(old["value"]), f"{old['n']:,}", show(new["value"]), f"{new['n']:,}"),
        compare(gate["difference"]),
        f"{compare(interval[0])} to {compare(interval[1])}" if interval else NONE,
        compare(gate["margin"]).lstrip("+"),
        *(_weighed(evidence.get(side), evidence.get(f"{side}_at")) for side in ("rollback", "promote")),
    )


def _plot(name: str, gate: Mapping[str, Any], points: Sequence[Point]) -> Plot | None:
    evidence = gate["evidence"]
    seen = [point for point in points if name in point.metrics]
    if not evidence or not seen or not gate["new"]["n"]:
        return None
    return Plot(
        title(name),
        at=[point.at for point in seen],
        rollback=[point.metrics[name]["rollback"] for point in seen],
        promote=[point.metrics[name]["promote"] for point in seen],
        rollback_at=evidence["rollback_at"],
        promote_at=evidence["promote_at"],
    )


def _horizon(facts: Facts) -> Iterator[Part]:
    if not facts.tests:
        yield "No lease has matured on both arms in this attempt."
        return
    yield (
        f"{LABEL.capitalize()}. They are shown beside the sequential evidence for readers who know them; whoever looks "
        "at them again and again finds harm in nearly every equal pair of arms. All stages of the attempt together."
    )
    yield Table(
        ("metric", "test", "old n", "new n", "p", "estimate", "interval"), [_test(one) for one in facts.tests]
    )


def _test(one: AtHorizon) -> tuple[str, ...]:
    test = one.test
    name = TIME if one.metric == TIME else title(one.metric)
    interval = f"{test.interval[0]:.3g} to {test.interval[1]:.3g}" if test.interval else NONE
    p = NONE if test.p_value is None else f"{test.p_value:.3g}"
    estimate = NONE if test.estimate is None else f"{test.estimate:.3g}"
    return name, test.name, str(one.old), str(one.new), p, estimate, interval


def _money(facts: Facts) -> Iterator[Part]:
    leases, money = facts.status["leases"], facts.status["money"]
    arms = ("old", "new")
    rows = [
        ("leases", *(str(leases[arm]["total"]) for arm in arms)),
        ("open", *(str(leases[arm]["open"]) for arm in arms)),
        ("spent", *(_plain(money[arm]["spent"]) for arm in arms)),
        ("refunded", *(_plain(money[arm]["refunded"]) for arm in arms)),
        ("still to come back", *(_plain(money[arm]["outstanding"]) for arm in arms)),
        ("cost per success", *(_plain(money[arm]["per_success"]) for arm in arms)),
    ]
    yield Table(("", "old", "new"), rows)


def _contract(facts: Facts) -> Iterator[Part]:
    shadow, findings = facts.status["shadow"], facts.findings
    yield f"{shadow['sent']} shadow copies were sent, {shadow['dropped']} dropped."
    if findings.open_differences:
        head = ("action", "what", "where", "old", "new", "seen", "breaks")
        yield Table(
            head,
            [
                (d.action, d.kind.replace("_", " "), d.path or NONE, d.old, d.new, str(d.count), d.breaks)
                for d in findings.open_differences
            ],
        )
    else:
        yield "No difference is open that would break clients."
    if findings.open_unmapped:
        missing = [(one.action, str(one.calls), one.why) for one in findings.open_unmapped]
        yield Table(("new cannot serve", "calls", "why"), missing)
    if findings.acks:
        rows = [
            (a.place.action, a.place.kind.replace("_", " "), a.reason or NONE, a.actor, moment(a.at))
            for a in findings.acks
        ]
        yield Table(("acknowledged", "what", "why", "by", "at"), rows)


def _hazards(facts: Facts) -> Iterator[Part]:
    counts = facts.status["hazards"]
    if not counts:
        yield "None was seen in live traffic."
        return
    known = {name.value for name in HazardName}
    clients = {name: sum(suspect.name == name for suspect in facts.hazards) for name in counts}
    rows = [
        (
            name.replace("_", " "),
            str(n),
            str(clients[name]),
            MEANINGS[HazardName(name)] if name in known else NONE,
        )
        for name, n in sorted(counts.items(), key=lambda one: -one[1])
    ]
    yield Table(("hazard", "times", "clients", "what it does to you"), rows)


def _decisions(facts: Facts) -> Iterator[Part]:
    if not facts.report.reviews:
        yield "Nothing has been decided yet."
        return
    head = ("at", "event", "by", "stage", "weight", "state", "reason", "made again")
    yield Table(head, [_decision(review) for review in facts.report.reviews])


def _decision(review: Review) -> tuple[str, ...]:
    one = review.decision
    again = {None: NONE, True: "agrees", False: "; ".join(review.differences)}[review.agrees]
    return (
        moment(one.at),
        *(one.event, one.actor, one.stage, show_share(one.weight), one.after.replace("_", " ")),
        one.reason or NONE,
        again,
    )


def _recompute(facts: Facts) -> Iterator[Part]:
    report = facts.report
    made_again = report.agreeing + report.disagreeing
    yield (
        f"{report.agreeing} of {made_again} decisions of the controller agree when they are made again from the store. "
        "Each decision keeps the policy's hash, the version, its thresholds, and how far every gate had read; the "
        "store keeps the purchases and leases. Whoever has the state file can repeat it:"
    )
    yield Code(
        (
            f"canary report --state STATE --name {report.name}",
            f"canary report --state STATE --name {report.name} --json",
        )
    )
    yield "The exit code is 1 when a decision does not follow from what the store holds."


_SECTIONS: Mapping[str, Callable[[Facts], Iterator[Part]]] = {
    "Verdict": _verdict,
    "Gates": _gates,
    "Fixed-horizon tests": _horizon,
    "Leases and money": _money,
    "Contract": _contract,
    "Hazards": _hazards,
    "Decisions": _decisions,
    "How to recompute it": _recompute,
}


# --- numbers for people -------------------------------------------------------------------------------------------


def moment(at: float) -> str:
    """A time, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.2%}"


def _points(value: float | None) -> str:
    return NONE if value is None else f"{value * 100:+.2f} pp"


def _seconds(value: float | None) -> str:
    return NONE if value is None else f"{value:.3g} s"


def _factor(value: float | None) -> str:
    return NONE if value is None else f"× {value:.3g}"


def _plain(value: float | None) -> str:
    return NONE if value is None else f"{value:.6g}"


def _weighed(stands: float | None, needed: float | None) -> str:
    return NONE if stands is None or needed is None else f"{odds(stands)} of {odds(needed)}"


def odds(evidence: float) -> str:
    """How strong evidence is, as the dashboard writes it: 3.4, 1,320, 10^7."""
    if evidence >= 1e6:
        return f"10^{int(log10(evidence))}"
    return f"{evidence:,.0f}" if evidence >= 100 else f"{evidence:.3g}"


_UNITS: Mapping[str, tuple[Callable[[float | None], str], Callable[[float | None], str]]] = {
    LATENCY: (_seconds, _factor),
    COST: (_plain, _factor),
}
