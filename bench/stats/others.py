"""How other methods do in the same traffic, and the same e-process when it is bet wrongly."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from bench.stats import laws
from bench.stats.errors import SUCCESS, falling_ramp
from bench.stats.gate import Gate, Rule, play
from bench.stats.laws import CALLS, gate
from bench.stats.peers import Argo, Fisher, Flagger, Kayenta, Minutes, ZTest, minutes
from bench.stats.plan import Plan
from bench.stats.rows import Row
from bench.stats.traffic import LEVELS, LOW, MED, World, rates, world
from bench.stats.wrong import PerCall, Pooled
from canary.core.stats.eprocess import Floats, Side

PEERS = "7a Other methods, same traffic, equal arms (A/A): share rolled back in 24 h (low / med / high)"
POWER = "7b The same at low traffic when new is worse, success .85 -> .60 / .75: share found in 24 h"
WRONG = (
    "7c Bets of the wrong kind: share rolled back in 24 h although new is within its margin, beside this gate"
)

Z, FISHER = ZTest(), Fisher()
OURS = "this gate: margin 2pp, alpha .01"

LOOKED: Mapping[str, Rule] = {
    OURS: SUCCESS,
    f"z-test .05 after every lease, from {Z.fewest} on new": Z,
    "Fisher's test .05 after every lease": FISHER,
}
CLOCKED: Mapping[str, Callable[[Minutes], Floats]] = {
    "Kayenta: hourly Mann-Whitney, 98 %, 0.25": Kayenta().stopped_at,
    "Flagger: 99 % per minute, 5 failed checks": Flagger().stopped_at,
    "Argo Rollouts: 95 % per 5 minutes, limit 3": Argo().stopped_at,
}


def peers(plan: Plan) -> Iterator[Row]:
    """Equal arms."""
    for what in LOOKED:
        levels = (LOW,) if LOOKED[what] is FISHER else LEVELS
        shares = [_share(what, rates(0.85, 0.85, level), plan, level.name) for level in levels]
        yield Row(PEERS, what, _listed(shares), numbers=_named(levels, shares))
    for what in CLOCKED:
        times = [_times(what, rates(0.85, 0.85, level), plan, level.name) for level in LEVELS]
        shares = [float(np.isfinite(minute).mean()) for minute in times]
        soon = f"  (median {np.median(times[0]):.0f} min at low)" if shares[0] > 0.5 else ""
        yield Row(PEERS, what, _listed(shares) + soon, numbers=_named(LEVELS, shares))


def power(plan: Plan) -> Iterator[Row]:
    """Worse canaries: a method that never stops is no better than one that always does."""
    for what in (*LOOKED, *CLOCKED):
        shares = []
        for new in (0.60, 0.75):
            truth, name = rates(0.85, new, LOW), f"power, {new}"
            if what in LOOKED:
                shares.append(_share(what, truth, plan, name))
            else:
                shares.append(float(np.isfinite(_times(what, truth, plan, name)).mean()))
        yield Row(POWER, what, _listed(shares), numbers={"0.60": shares[0], "0.75": shares[1]})


def _share(what: str, truth: World, plan: Plan, name: str) -> float:
    (stops,) = play(truth, [LOOKED[what]], plan.replicates, plan.rng(f"{what}, {name}"))
    return float(stops.stopped.mean())


def _times(what: str, truth: World, plan: Plan, name: str) -> Floats:
    return CLOCKED[what](minutes(truth, plan.replicates, plan.rng(f"{what}, {name}")))


# --- the same e-process, bet wrongly ------------------------------------------------------------------------------


def wrong(plan: Plan) -> Iterator[Row]:
    """Each wrong way beside the right one, in the same rollouts."""
    yield _pair("pending counted as failure, codes only slower", _slower_codes(), (SUCCESS, PENDING), plan)
    ramp = falling_ramp(MED)
    yield _pair("counts pooled across a ramp, both arms falling", ramp, (SUCCESS, Pooled(SUCCESS)), plan)
    calls = gate("call_success")
    alike = laws.calls(0.01, 0.02, LOW)
    yield _pair("a bet per call, faults come in clusters", alike, (calls, PerCall(calls, CALLS)), plan)
    yield _absolute(plan)


PENDING = Gate(Side.ROLLBACK, SUCCESS.delta, SUCCESS.level, row=1)


def _slower_codes() -> World:
    """Fates: a code within a minute, a later one, none. The first row is read when mature, the second too early."""
    return world([[1, 1, 0], [1, 0, 0]], [0.75, 0.10, 0.15], [0.50, 0.35, 0.15], MED)


def _pair(what: str, truth: World, rules: Sequence[Rule], plan: Plan) -> Row:
    right, bad = (
        float(stops.stopped.mean()) for stops in play(truth, rules, plan.replicates, plan.rng(what))
    )
    return Row(WRONG, what, f"{bad:.3f}  (this gate {right:.4f})", numbers={"wrong": bad, "right": right})


def _absolute(plan: Plan) -> Row:
    """A threshold tuned to the traffic holds until both arms have a bad hour."""
    what = "absolute threshold tuned to 75 %, both arms at .60 for 3 h"
    hours = np.arange(48) / 2
    success = np.where((hours >= 12) & (hours < 15), 0.60, 0.85)
    truth = rates(success, success, MED)
    tuned = Argo(least=0.75, interval=30).stopped_at(minutes(truth, plan.replicates, plan.rng(what)))
    (stops,) = play(truth, [SUCCESS], plan.replicates, plan.rng(f"{what}, this gate"))
    shares = float(np.isfinite(tuned).mean()), float(stops.stopped.mean())
    return Row(
        WRONG,
        what,
        f"{shares[0]:.3f}  (this gate {shares[1]:.4f})",
        numbers={"wrong": shares[0], "right": shares[1]},
    )


def _listed(shares: Sequence[float]) -> str:
    return " / ".join(f"{share:.3f}" for share in shares)


def _named(levels: Sequence[tuple[str, int]], shares: Sequence[float]) -> dict[str, float]:
    return {name: share for (name, _), share in zip(levels, shares, strict=True)}
