"""Reasons: whole sentences with numbers, thresholds and what a chance means."""

from math import log

from canary.core import reasons
from canary.core.measure import ArmValue, Finding, MetricVerdict, Weighed
from canary.core.stats.srm import Sample


def found(name: str, old: float | None, new: float | None, *, margin: float, n: int = 212) -> MetricVerdict:
    weighed = Weighed(log(150), log(100), log(3.1), log(20))
    return MetricVerdict(
        name, Finding.HARM, ArmValue(2000, old), ArmValue(n, new), margin=margin, evidence=weighed
    )


def test_harm_in_the_words_of_the_method():
    """Metric, both values, leases, margin, and the chance if it were not so."""
    assert reasons.harm(found("refund_ratio", 0.11, 0.24, margin=0.03)) == (
        "refund ratio of new is 0.24 against 0.11 on old over 212 matured leases; the allowed difference is 0.03; "
        "the chance of such evidence if new were within the margin is below 1 in 100"
    )


def test_harm_of_a_factor():
    """Latency in seconds and its margin as a ratio."""
    assert reasons.harm(found("latency_p95", 0.8, 2.41, margin=1.25)) == (
        "p95 latency of new is 2.41 s against 0.8 s on old over 212 matured leases; the allowed ratio is 1.25; "
        "the chance of such evidence if new were within the margin is below 1 in 100"
    )


def test_equality():
    """What was excluded, and with what chance."""
    assert reasons.equal(found("acquire", 0.998, 0.997, margin=0.02), 0.03) == (
        "rate of purchases answered well of new is 0.997 against 0.998 on old over 212 matured leases; "
        "the chance of such evidence if new were worse by 0.03 or more is below 1 in 20"
    )


def test_what_is_missing():
    """How far the evidence is, or that there is none."""
    assert reasons.undecided(found("latency_p95", 0.8, 0.9, margin=1.25), 1.25) == (
        "p95 latency of new is 0.9 s against 0.8 s on old over 212 matured leases; the evidence that new is not "
        "worse by a factor of 1.25 or more stands at 3.1 of the 20 needed"
    )
    assert reasons.undecided(found("acquire", None, None, margin=0.02, n=0), 0.03) == (
        "rate of purchases answered well has no data of both arms yet: 2000 matured leases on old, 0 on new"
    )


def test_a_lopsided_sample():
    """Counts, shares, and what to do."""
    said = reasons.mismatch({0.05: Sample(1788, 212)}, "purchases")
    assert said.startswith(
        "212 of 2000 purchases belong to new (10.60%), where the design leads one to expect 5.00%; "
        "the chance of a draw as lopsided as this is below 1 in 1000"
    )
