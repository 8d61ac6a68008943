"""What a scrape shows, and that it is documented."""

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from canary.core.accounts import Account, Books
from canary.core.hazards import COUNTER
from canary.core.model import Arm, LeaseState
from canary.core.money import Money
from canary.core.stats.bins import bin_of
from canary.core.tally import Tally
from canary.store.accounts import Lag
from canary.store.store import Store
from canary.web.families import COUNTERS, PROCESS, ROLLOUT, SERVER
from canary.web.histogram import BOUNDS
from canary.web.metrics import Scrape, exposition
from canary.web.process import Pool, Process
from canary.web.status import NOT_JUDGED
from canary.web.stored import STORED, Stored
from tests.factories import CLIENT_KEY, NEW_KEY, NOW, OLD_KEY, FakeClock, treq, trollout
from tests.web.gateways import HEADER_SECRET, gateway, trusted
from tests.web.serving import TOKEN, Client, broken, serving

ROOT = Path(__file__).parents[2]

type Labels = dict[str, str]


def samples(text: str) -> dict[str, list[tuple[Labels, float]]]:
    """The samples of an exposition by name."""
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(text: str, name: str, **labels: str) -> float:
    """The one sample of that name with exactly these labels."""
    (found,) = [number for own, number in samples(text)[name] if own == labels]
    return found


OLD_MONEY = Money(Decimal("0.3"), Decimal("0.1"), Decimal("0.3"), 2)
ACCOUNT = Account(
    Arm.OLD, "", NOW, Decimal("9.77"), Decimal(10), Decimal("0.1"), Decimal("0.03"), Decimal("0.03")
)


def tprocess(**changes: object) -> Process:
    """A process that has done nothing."""
    nothing = {
        "calls": {},
        "purchases": {},
        "counters": Counter(),
        "pools": {arm: Pool(0, 0) for arm in Arm},
        "in_flight": 0,
        "leases": 0,
        "shadow_queue": 0,
        "fresh": True,
        "store_lag": 0.1,
        "ledger_lag": 0.2,
        "flush_failures": 0,
    }
    return Process(**{**nothing, **changes})  # type: ignore[arg-type]


def tstored(**changes: object) -> Stored:
    """A rollout without leases or verdict."""
    nothing = {
        "heartbeat_age": None,
        "leases": {arm: Counter() for arm in Arm},
        "books": {arm: Books(Money()) for arm in Arm},
        "lags": {arm: Lag() for arm in Arm},
        "verdict": NOT_JUDGED,
        "differences": 0,
        "unmapped": 0,
        "webhooks": 0,
        "webhook_age": 0.0,
    }
    return Stored(**{**nothing, **changes})  # type: ignore[arg-type]


def shown(**parts: object) -> str:
    """A scrape of these parts."""
    return exposition(Scrape(**parts)).decode()  # type: ignore[arg-type]


def test_calls_are_counted_by_arm_action_and_outcome() -> None:
    """Each tally of the ledger is one series per outcome, and one histogram."""
    tally = Tally()
    for outcome, seconds in (("ok", 0.02), ("ok", 0.4), ("provider", 9.0)):
        tally.add(outcome, outcome.upper(), bin_of(seconds))
    text = shown(process=tprocess(calls={(Arm.NEW, "getStatus"): tally}))
    where = {"arm": "new", "action": "getStatus"}
    assert value(text, "canary_calls_total", **where, outcome="ok") == 2
    assert value(text, "canary_calls_total", **where, outcome="provider") == 1
    latency = "canary_call_latency_seconds"
    assert value(text, f"{latency}_count", **where) == 3
    assert value(text, f"{latency}_sum", **where) == pytest.approx(9.42, rel=0.02)
    buckets = {
        bound: value(text, f"{latency}_bucket", **where, le=bound) for bound in ("0.025", "0.5", "10.0")
    }
    assert buckets == {"0.025": 1, "0.5": 2, "10.0": 3}


@given(st.lists(st.floats(0.0011, 290), min_size=1, max_size=40))
def test_the_histogram_is_true_to_two_per_cent(latencies: list[float]) -> None:
    """Buckets grow to the count of all calls, none holds a slower call, and the sum is off by 2 % at most."""
    tally = Tally()
    for seconds in latencies:
        tally.add("ok", "OK", bin_of(seconds))
    text = shown(process=tprocess(calls={(Arm.OLD, "a"): tally}))
    buckets = [n for _, n in samples(text)["canary_call_latency_seconds_bucket"]]
    assert buckets == sorted(buckets)
    assert buckets[-1] == len(latencies)
    for bound, n in zip(BOUNDS, buckets, strict=False):
        assert (
            sum(x <= bound / 1.021 for x in latencies) <= n <= sum(x <= bound * 1.000001 for x in latencies)
        )
    total = value(text, "canary_call_latency_seconds_sum", arm="old", action="a")
    assert total == pytest.approx(sum(latencies), rel=0.02)


def test_the_rollout_is_shown_as_numbers() -> None:
    """Weight, stage and state are those in force."""
    text = shown(rollout=trollout(weight=0.05))
    assert value(text, "canary_weight") == 0.05
    assert value(text, "canary_stage_info", rollout="smsactivate-to-verifysms", stage="canary") == 1
    assert value(text, "canary_state", state="running") == 1
    assert value(text, "canary_state", state="rolled_back") == 0
    assert value(text, "canary_safe_arm", arm="old") == 1


def test_leases_money_and_verdict_come_from_the_store() -> None:
    """What all replicas did together is read from the store at scrape time; what is not known is left out."""
    gate = {"verdict": "harm", "old": {"n": 9, "value": 0.8}, "new": {"n": 3, "value": None}}
    text = shown(
        stored=tstored(
            heartbeat_age=4.0,
            leases={Arm.OLD: Counter({LeaseState.OPEN: 2}), Arm.NEW: Counter()},
            books={Arm.OLD: Books(OLD_MONEY, (ACCOUNT,), Decimal("0.02")), Arm.NEW: Books(Money())},
            lags={Arm.OLD: Lag(4, 90.0, 300.0), Arm.NEW: Lag()},
            verdict={"kind": "rollback", "reasons": ["x"], "metrics": {"lease_success": gate}},
        )
    )
    assert value(text, "canary_store_up") == 1
    assert value(text, "canary_controller_heartbeat_age_seconds") == 4
    assert value(text, "canary_leases", arm="old", state="open") == 2
    assert value(text, "canary_spent", arm="old") == 0.3
    assert value(text, "canary_refunded", arm="old") == pytest.approx(0.07)
    assert value(text, "canary_refunds_outstanding", arm="old") == 0.03
    assert value(text, "canary_refunds_overdue", arm="old") == 0.02
    assert value(text, "canary_refund_lag_seconds", arm="old") == 90
    assert samples(text)["canary_balance_drift"] == [({"arm": "old"}, -0.03)]
    assert samples(text)["canary_balance_explained"] == [({"arm": "old"}, 0)]
    assert samples(text)["canary_cost_per_success"] == [({"arm": "old"}, 0.1)]
    assert value(text, "canary_verdict", kind="rollback") == 1
    assert value(text, "canary_gate", metric="lease_success", verdict="harm") == 1
    assert samples(text)["canary_gate_value"] == [({"metric": "lease_success", "arm": "old"}, 0.8)]
    assert value(text, "canary_gate_count", metric="lease_success", arm="new") == 3


def test_counters_and_hazards_are_apart() -> None:
    """Known counters are always there, from zero on; hazards are one family with a label."""
    text = shown(process=tprocess(counters=Counter({"spillovers": 3, "hazard_early_finish": 2})))
    assert value(text, "canary_spillovers_total") == 3
    assert value(text, "canary_lost_purchases_total") == 0
    assert value(text, "canary_hazards_total", hazard="early_finish") == 2


def test_every_counter_of_the_gateway_is_shown() -> None:
    """A counter that the gateway keeps is a metric, and the other way round."""
    files = [*(ROOT / "canary" / "gateway").glob("*.py"), ROOT / "canary" / "web" / "receiver.py"]
    source = "\n".join(path.read_text() for path in files)
    counted = set(re.findall(r"""["']([a-z_]+)["']""", "\n".join(re.findall(r"count\((.*)\)", source))))
    assert {name for name in counted if not name.startswith(COUNTER)} == set(COUNTERS)


async def test_a_scrape_shows_the_gateway_at_work(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    """What clients did is in the next scrape; a word that only a client knows is in no label."""
    async with gateway(store, tmp_path, clock) as service, serving(store, clock, service=service) as client:
        await trusted(service, store, clock)
        await service.gateway.handle(treq("getBalance"))
        await service.gateway.handle(treq("getNumber", service="tg", country="6"))
        await service.gateway.handle(treq("secretAction"))
        await service.ledger.flush()
        _, text = await client.get("/metrics")
    assert value(text, "canary_calls_total", arm="old", action="getBalance", outcome="provider") == 1
    assert value(text, "canary_purchases_total", arm="old", outcome="provider") == 1
    assert value(text, "canary_unknown_actions_total") == 1
    assert value(text, "canary_calls_total", arm="old", action="other", outcome="provider") == 1
    assert "secretAction" not in text
    assert value(text, "canary_view_fresh") == 1
    assert value(text, "canary_pool_in_flight", arm="old") == 0
    assert value(text, "canary_in_flight") == 0
    assert value(text, "process_resident_memory_bytes") > 0


async def test_a_scrape_outlives_the_store(
    store: Store, state: Path, tmp_path: Path, clock: FakeClock
) -> None:
    """Without the store the process's own metrics are there, and say that the store is not."""
    async with gateway(store, tmp_path, clock) as service, serving(store, clock, service=service) as client:
        broken(state)
        status, text = await client.get("/metrics")
    assert status == 200
    assert value(text, "canary_store_up") == 0
    assert value(text, "canary_weight") == 0.05
    assert "canary_leases" not in samples(text)


async def test_a_stale_view_is_not_ready(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    """A proxy that has seen no living controller is not ready, and says where new leases go."""
    async with gateway(store, tmp_path, clock) as service, serving(store, clock, service=service) as client:
        status, body = await client.get("/readyz")
        assert status == 503
        assert "new leases go to the safe arm" in body["reasons"][0]
        assert (await client.get("/readyz?for=clients"))[0] == 200, "but clients are answered"
        await trusted(service, store, clock)
        assert (await client.get("/readyz"))[0] == 200


async def test_a_rollback_is_in_effect_when_it_is_answered(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    """The proxy beside the admin server acts on an event before the operator reads the answer."""
    async with gateway(store, tmp_path, clock) as service, serving(store, clock, service=service) as client:
        await client.act("rollback")
        assert service.view.rollout.weight == 0


async def everything(client: Client) -> str:
    """Every answer of the server, headers and all."""
    parts = []
    for method, path in (
        *(("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/nothing")),
        *(("GET", f"/api/v1/{path}") for path in ("status", "verdict", "decisions", "decisions?limit=x")),
        *(
            ("POST", f"/api/v1/{event}")
            for event in ("pause", "pause", "resume", "promote", "rollback", "approve")
        ),
    ):
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {TOKEN}"}):
            _, body, answer = await client.ask(method, path, headers=headers)
            parts.append(f"{body} {answer.headers}")
    return "\n".join(parts)


async def test_no_answer_holds_a_key_or_token(
    store: Store,
    state: Path,
    tmp_path: Path,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Keys, header secrets and the admin token are in no answer and no log line, whatever was asked before."""
    async with gateway(store, tmp_path, clock) as service, serving(store, clock, service=service) as client:
        for action in ("getBalance", "getNumber", CLIENT_KEY, f"getStatus{CLIENT_KEY}"):
            await service.gateway.handle(treq(action, id="7"))
        await service.ledger.flush()
        said = await everything(client)
        broken(state)
        said += await everything(client)
    for secret in (OLD_KEY, NEW_KEY, CLIENT_KEY, HEADER_SECRET, TOKEN):
        assert secret not in said
        assert secret not in caplog.text


def test_the_document_and_the_code_name_the_same_metrics() -> None:
    """docs/metrics.md lists exactly what is shown: name, type, labels and meaning."""
    rows = re.findall(
        r"^\| `(canary_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$",
        (ROOT / "docs" / "metrics.md").read_text(),
        re.MULTILINE,
    )
    coded = [
        (family.name, family.kind, ", ".join(family.labels), family.meaning)
        for family in (*SERVER, *PROCESS, *ROLLOUT, *STORED)
    ]
    assert rows == coded


def test_names_and_types_are_what_a_scraper_reads() -> None:
    """Each family of the tables is exposed under its name and type, even before it has samples."""
    typed = dict(re.findall(r"^# TYPE (canary_\w+) (\w+)$", shown(), re.MULTILINE))
    assert typed == {family.name: family.kind for family in (*SERVER, *PROCESS, *ROLLOUT, *STORED)}
