import json

from canary.core.model import Failure
from canary.sim.traffic.report import Life, Recorder, quantiles
from tests.factories import treply


def a_life(**changes) -> Life:
    return Life(
        **{"client": 0, "style": "polite", "service": "tg", "country": "6", "action": "getNumber", **changes}
    )


def test_quantiles_are_by_nearest_rank():
    """Of 1 to 100 they are 50, 95, 99 and 100; of nothing, zeros."""
    shown = quantiles([n / 10 for n in range(100, 0, -1)])
    assert (shown.count, shown.p50, shown.p95, shown.p99, shown.max) == (100, 5.0, 9.5, 9.9, 10.0)
    assert quantiles([3.0]).p95 == 3.0
    assert quantiles([]).max == 0.0


def test_a_report_adds_up_what_was_recorded():
    """Calls, replies, failures and latencies by action, leases by outcome and arm."""
    recorder = Recorder()
    recorder.answered("getNumber", treply(), 0.2)
    recorder.answered("getStatus", treply(), 0.4)
    recorder.failed("getStatus", Failure.RESET)
    recorder.lives += [a_life(id="1", outcome="succeeded", arm="old"), a_life(outcome="no_stock")]
    report = recorder.report(seconds=5.0)
    assert report.calls == {"getNumber": 1, "getStatus": 2}
    assert (report.replies, report.failures, recorder.failures) == ({"ok": 2}, {"reset": 1}, 1)
    assert (report.latency["all"].count, report.latency["getStatus"].p50) == (2, 0.4)
    assert (report.outcomes, report.arms) == ({"succeeded": 1, "no_stock": 1}, {"old": 1})
    assert report.consistent


def test_calls_that_went_astray_make_a_report_inconsistent():
    """Unknown leases, foreign codes, other arms and ids given out twice each count."""
    for lives in (
        [a_life(id="1", unknown=1)],
        [a_life(id="1", foreign_codes=1)],
        [a_life(id="1", strangers=1)],
        [a_life(id="1"), a_life(id="1")],
    ):
        recorder = Recorder()
        recorder.lives += lives
        assert not recorder.report(seconds=1.0).consistent


def test_a_report_is_json_with_leases_when_asked_for():
    """Scripts read it."""
    recorder = Recorder()
    recorder.lives.append(a_life(id="1"))
    report = recorder.report(seconds=1.0)
    short, whole = json.dumps(report.as_json()), json.dumps(report.as_json(leases=True))
    assert json.loads(short)["leases"] == 1
    assert json.loads(whole)["leases"][0]["id"] == "1"
    assert json.loads(short)["consistent"] is True
