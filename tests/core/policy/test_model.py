"""What a policy may say: safe defaults, and a refusal for everything that cannot be meant."""

import json
import re
from decimal import Decimal

import pytest

from canary.core.budget import Caps
from canary.core.model import Arm
from canary.core.policy.load import PolicyError, parse_policy, parse_profile, policy_json
from canary.core.policy.model import Policy
from canary.core.policy.references import EnvRef, FileRef
from canary.core.stage import Step

OLD = "https://old.example/stubs/handler_api.php"
NEW = "https://new.example/compat/handler_api.php"
ARMS = f"arms:\n  old: {{url: '{OLD}'}}\n  new: {{url: '{NEW}'}}\n"

SAMPLE = """\
name: smsactivate-to-verifysms
mode: reverse                       # or regular (clients with hard-coded URLs; hosts below are intercepted)
arms:
  old:
    url: https://sms-activate.org/stubs/handler_api.php
    provider: sms-activate          # a profile in policies/providers/, or a path
    api_key: {env: OLD_SMS_KEY}     # or {file: /run/secrets/old}; passthrough: the client's own key
    timeout: 30s
  new:
    url: https://api.verifysms.app/compat/handler_api.php
    provider: verifysms
    api_key: {env: NEW_SMS_KEY}
    headers: {}                     # added to every upstream request
intercept: [sms-activate.org]       # regular mode only
unit: lease                         # what is assigned to an arm: lease | client (source address) | key
balance: safe                       # safe | sum
spillover: true
upstream_failure: {status: 200, body: ERROR_SQL}
shadow:
  timeout: 10s
  queue: 1000
  leases: off                       # off | sandbox (adds the profile's sandbox header) | live
  budget: {run: $0, day: $0}        # live only
stages:
  - {name: shadow,  weight: 0%,   shadow: 100%, hold: 1h}
  - {name: canary,  weight: 5%,   shadow: 10%,  hold: 24h, min_leases: 100}
  - {name: quarter, weight: 25%,  hold: 2h}
  - {name: half,    weight: 50%,  hold: 2h}
  - {name: cutover, weight: 100%, approval: required}
gates:                              # non-inferiority margins: what "as good as old" may mean at most
  lease_success:    {margin: 2pp}
  call_success:     {margin: 1pp}
  latency_p95:      {margin: 1.25x}
  refund_ratio:     {margin: 3pp}
  cost_per_success: {margin: 1.5x, enforce: false}   # reported, not gating
  contract:         {max_differences: 0}             # shape differences seen in shadow
  coverage:         {unmapped_actions: block}        # actions in use that `new` cannot serve block the cutover
error_rates: {false_rollback: 1%, false_promote: 5%}
judging: {tick: 5s, epoch: 30m, warmup_leases: 200}
on_undecided: hold                  # hold | rollback, when a stage's max_hold has passed
maturity: 20m                       # a lease without a code counts as failed after this
"""


def policy(text: str = "", arms: str = ARMS) -> Policy:
    return parse_policy(arms + text, "p.yaml", "p")


def refusal(text: str = "", arms: str = ARMS) -> str:
    with pytest.raises(PolicyError) as error:
        policy(text, arms)
    return str(error.value)


def old(fields: str) -> str:
    return f"arms:\n  old: {{url: '{OLD}', {fields}}}\n  new: {{url: '{NEW}'}}\n"


def test_the_documented_sample_means_what_it_says() -> None:
    """The whole policy of the documentation loads as written, each key with its value."""
    p = parse_policy(SAMPLE, "sample.yaml")
    assert (p.name, p.mode, p.unit, p.balance, p.spillover, p.on_undecided) == (
        "smsactivate-to-verifysms", "reverse", "lease", "safe", True, "hold",
    )  # fmt: skip
    assert p.arm(Arm.OLD).api_key == EnvRef(env="OLD_SMS_KEY")
    assert (p.arm(Arm.OLD).timeout, p.arm(Arm.NEW).timeout) == (30, 30)
    assert p.intercept == ("sms-activate.org",)
    assert (p.shadow.leases, p.shadow.timeout, p.shadow.queue, p.shadow.budget.day) == ("off", 10, 1000, 0)
    assert p.steps == (
        Step("shadow", 0, 1), Step("canary", 0.05, 0.1), Step("quarter", 0.25, 0), Step("half", 0.5, 0),
        Step("cutover", 1, 0, approval=True),
    )  # fmt: skip
    assert [stage.hold for stage in p.stages] == [3600, 86400, 7200, 7200, 0]
    assert (p.error_rates.false_rollback, p.error_rates.false_promote) == (0.01, 0.05)
    assert (p.judging.tick, p.judging.epoch, p.judging.warmup_leases, p.maturity) == (5, 1800, 200, 1200)
    assert p.gates.contract is not None
    assert [gate.name for gate in p.resolved_gates(99)] == [
        "lease_success", "call_success", "latency_p95", "refund_ratio", "cost_per_success",
    ]  # fmt: skip


def test_two_urls_are_enough() -> None:
    """Everything else has a safe default: nothing is bought in shadow, stages begin at 0 %, the cutover is approved."""
    p = policy()
    assert (p.name, p.mode, p.shadow.leases, p.spillover, p.recover_lost) == (
        "p",
        "reverse",
        "off",
        True,
        False,
    )
    assert [(s.name, s.weight) for s in p.stages] == [
        ("shadow", 0), ("canary", 0.05), ("quarter", 0.25), ("half", 0.5), ("cutover", 1),
    ]  # fmt: skip
    assert p.stages[-1].approval == "required"
    assert p.arm(Arm.NEW).api_key == "passthrough"
    assert p.upstream_failure.body == "ERROR_SQL"
    assert p.gates == parse_policy(ARMS, "p.yaml", "p").gates


@pytest.mark.parametrize(
    "text",
    [
        SAMPLE,
        "name: p\n" + ARMS,
        "name: p\n" + ARMS + "gates: {acquire: }\n",
        "name: p\n" + ARMS + "shadow: {leases: live, budget: {run: $1.50, day: $100}}\n",
        "name: p\n" + old("api_key: {file: /k}, headers: {X-A: b, X-Token: {env: T}}, price_factor: 0.011"),
        "name: p\n" + ARMS + "stages: [{name: a, weight: 0%, hold: 1h, max_hold: 2h}]\nmaturity: 15m\n",
    ],
)
def test_what_is_stored_is_what_was_written(text: str) -> None:
    """A policy read back from the store's JSON is the same: no gate that was left out comes back."""
    p = parse_policy(text, "p.yaml")
    again = Policy.model_validate(json.loads(policy_json(p)))
    assert again == p
    assert again.resolved_gates(1200) == p.resolved_gates(1200)
    assert policy_json(again) == policy_json(p)


@pytest.mark.parametrize(
    "fields",
    [
        "api_key: s3cret0123456789",
        "api_key: {env: 's3cret0123456789-'}",
        "api_key: {value: s3cret0123456789}",
        "api_key: {env: A, file: s3cret0123456789}",
        "api_key: [s3cret0123456789]",
        "api_key: 5",
        "api_key: ",
        "api_key: {file: ''}",
        "apikey: s3cret0123456789",
        "api-key: s3cret0123456789",
        "key: s3cret0123456789",
        "headers: {Authorization: ApiKey s3cret0123456789}",
        "headers: {X-ApiKey: s3cret0123456789}",
        "headers: {x_api_key: s3cret0123456789}",
        "headers: {X-Auth: s3cret0123456789}",
        "headers: {Cookie: s3cret0123456789}",
        "headers: {X-Client-Secret: s3cret0123456789}",
        "headers: {X-Plain: Bearer s3cret0123456789}",
        "headers: {X-Plain: {env: 's3cret0123456789-'}}",
        "headers: {X-Plain: {value: s3cret0123456789}}",
        "headers: {X-Plain: [s3cret0123456789]}",
    ],
)
def test_literal_keys_are_refused_without_repeating_them(fields: str) -> None:
    """Wherever a key stands in a policy, the message names the place and the remedy and never the key."""
    message = refusal(arms=old(fields))
    assert message.startswith("p.yaml:2: arms.old.")
    assert "s3cret" not in message
    assert re.search(r"\{env: NAME\}|did you mean api_key|expected one of", message)


@pytest.mark.parametrize(
    "url",
    [
        "https://h/handler_api.php?api_key=s3cret0123456789",
        "https://h/handler_api.php?action=x&apiKey=s3cret0123456789",
        "https://h/handler_api.php?token=s3cret0123456789",
        "https://user:s3cret0123456789@h/handler_api.php",
        "https://h/handler_api.php#s3cret0123456789",
        "ftp://h/s3cret0123456789",
        "s3cret0123456789",
        "https://[s3cret0123456789/",
        "https://h:s3cret/handler_api.php",
        "https://h:99999/handler_api.php",
        "https:///handler_api.php",
        "'https://h/handler api.php?s3cret0123456789'",
    ],
)
def test_urls_that_cannot_be_meant(url: str) -> None:
    """No credentials, keys, fragments or queries, and only addresses that can be asked over HTTP."""
    message = refusal(
        arms=f"arms:\n  old: {{url: {url!r}}}\n  new: {{url: '{NEW}'}}\n".replace("\"'", "'").replace(
            "'\"", "'"
        )
    )
    assert message.startswith("p.yaml:2: arms.old.url: ")
    assert "expected" in message
    assert "s3cret" not in message


def test_references_to_keys() -> None:
    """The environment, a file, or the client's own key."""
    assert policy(arms=old("api_key: {env: OLD_KEY}")).arms.old.api_key == EnvRef(env="OLD_KEY")
    assert policy(arms=old("api_key: {file: /run/secrets/old}")).arms.old.api_key == FileRef(
        file="/run/secrets/old"
    )
    assert policy(arms=old("api_key: passthrough")).arms.old.api_key == "passthrough"
    headers = policy(arms=old("headers: {X-ApiKey: {env: K}, X-Source: canary}")).arms.old.headers
    assert headers == {"X-ApiKey": EnvRef(env="K"), "X-Source": "canary"}


@pytest.mark.parametrize(
    "fields", ["headers: {'bad name': x}", "headers: {X-A: 5}", 'headers: {X-A: "a\\r\\nB: c"}']
)
def test_headers_that_cannot_be_sent(fields: str) -> None:
    """A header is a name and one line of text."""
    assert "expected" in refusal(arms=old(fields))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: []", "p.yaml:4: stages: expected at least one entry"),
        (
            "stages: [{name: a, weight: 5%}, {name: a, weight: 6%}]",
            "p.yaml:4: stages: the stage name a is used twice",
        ),
        (
            "stages: [{name: a, weight: 5%}, {name: b, weight: 4%}]",
            "p.yaml:4: stages: the weight falls from stage a to b; stages only go up",
        ),
        (
            "stages: [{name: a, weight: 95%}, {name: b, weight: 100%}]",
            "p.yaml:4: stages: stage a is the cutover; no stage may follow it",
        ),
        (
            "stages: [{name: a, weight: 0%, approval: required}]",
            "p.yaml:4: stages: the first stage a cannot wait for approval; put a stage of 0% before it",
        ),
        ("stages: [{name: a b, weight: 0%}]", "p.yaml:4: stages[0].name: expected a name of letters, digits"),
        ("stages: [{name: a}]", "p.yaml:4: stages[0].weight: the key is missing"),
        (
            "stages: [{name: a, weight: 0%, hold: 2h, max_hold: 1h}]",
            "p.yaml:4: stages[0]: max_hold is shorter than hold",
        ),
        (
            "stages: [{name: a, weight: 0%, min_leases: true}]",
            "p.yaml:4: stages[0].min_leases: expected a whole number",
        ),
        (
            "stages: [{name: a, weight: 0%, min_leases: -1}]",
            "p.yaml:4: stages[0].min_leases: expected at least 0",
        ),
        ("mode: regular", "p.yaml:1: the policy: mode: regular needs intercept: [host, ...]"),
        ("mode: proxy", "p.yaml:4: mode: expected 'reverse' or 'regular'"),
        (
            "mode: regular\nintercept: [https://h.org]",
            "p.yaml:5: intercept: expected host names such as sms-activate.org",
        ),
        ("intercept: ['*.h.org']", "p.yaml:4: intercept: expected host names"),
        ("intercept: h.org", "p.yaml:4: intercept: expected a list"),
        (
            "shadow: {leases: live}",
            "p.yaml:4: shadow: live shadow leases cost money; expected budget: {run: $..., day: $...} above zero",
        ),
        ("shadow: {leases: live, budget: {run: $5}}", "p.yaml:4: shadow: live shadow leases cost money"),
        (
            "shadow: {leases: live, budget: {run: $5, day: $5, outstanding: $0.10, price: $0.20}}",
            "p.yaml:4: shadow: the budget buys no number that costs 0.2; expected price above zero, and run, day",
        ),
        ("shadow: {leases: yes}", "p.yaml:4: shadow.leases: expected 'off', 'sandbox' or 'live'"),
        ("shadow: {queue: 0}", "p.yaml:4: shadow.queue: expected at least 1"),
        ("spillover: perhaps", "p.yaml:4: spillover: expected true or false"),
        ("error_rates: {false_rollback: 0%}", "p.yaml:4: error_rates.false_rollback: expected more than 0"),
        ("error_rates: {false_promote: 100%}", "p.yaml:4: error_rates.false_promote: expected less than 1"),
        ("maturity: 0s", "p.yaml:4: maturity: expected more than 0"),
        ("retention: 1h", "p.yaml:4: retention: expected at least 1d"),
        ("upstream_failure: {status: 600}", "p.yaml:4: upstream_failure.status: expected at most 599"),
        ("judging: {tick: 0}", "p.yaml:4: judging.tick: expected more than 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    """File, line, key and expectation, for each rule of a policy."""
    assert refusal(text).startswith(message)


def test_live_shadow_leases_with_a_budget() -> None:
    """With money set aside per run and per day they may be bought."""
    shadow = policy("shadow: {leases: live, budget: {run: $5, day: $20.00}}").shadow
    assert (shadow.budget.run, shadow.budget.day) == (Decimal(5), Decimal(20))


def test_regular_mode_with_hosts() -> None:
    """The hosts whose traffic is answered; in reverse mode they are without meaning."""
    hosts = ("sms-activate.org", "API.sms-activate.ae")
    assert policy(f"mode: regular\nintercept: [{', '.join(hosts)}]").hosts == hosts
    assert policy("intercept: [sms-activate.org]").hosts == ()


def test_nothing_changes_after_loading() -> None:
    """A policy is frozen."""
    with pytest.raises(ValueError, match="frozen"):
        policy().spillover = False


def test_profiles_have_safe_defaults() -> None:
    """A profile needs a name and a title; the rest is what SMS-Activate documents."""
    profile = parse_profile("name: x\ntitle: X\n", "x.yaml")
    assert (profile.lifetime, profile.minimum_hold, profile.always_200) == (1200, 120, True)
    with pytest.raises(PolicyError, match=r"x\.yaml:3: lifetim: unknown key; did you mean lifetime\?"):
        parse_profile("name: x\ntitle: X\nlifetim: 5m\n", "x.yaml")
    assert parse_profile("name: x\ntitle: X\ncountries: {NO: 174, RU: 0}\n", "x").countries == {
        "NO": 174,
        "RU": 0,
    }


def test_an_arm_may_know_countries_by_another_id() -> None:
    """What clients say, in capitals, to what the arm is sent; ids and codes, in quotes or not."""
    assert policy(arms=old("countries: {0: 222, us: '12', NO: norway}")).arms.old.countries == {
        "0": "222",
        "US": "12",
        "NO": "norway",
    }
    assert policy().arms.new.countries == {}


@pytest.mark.parametrize(
    ("countries", "expected"),
    [
        ("{0: -1}", r"p:2: arms\.old\.countries\[0\]: expected a country's id such as 187"),
        ("{'a b': 1}", r"p:2: arms\.old\.countries\.a b: expected a country's id such as 187"),
        ("{ru: 0, RU: 222}", r"p:2: arms\.old\.countries: a country stands there twice"),
        ("[0]", r"p:2: arms\.old\.countries: expected a mapping of keys to values"),
    ],
)
def test_countries_that_no_call_could_carry(countries: str, expected: str) -> None:
    """A translation is written with ids or codes, and each country once."""
    assert re.search(expected.replace("p:", r"p\.yaml:"), refusal(arms=old(f"countries: {countries}")))


@pytest.mark.parametrize(("written", "poll"), [("off", None), ("60s", 60.0), ("1m30s", 90.0), ("10", 10.0)])
def test_balances_are_asked_for_when_the_policy_says_so(written: str, poll: float | None) -> None:
    """Off by default; a policy that went through the store says the same."""
    p = policy(f"reconcile: {{poll: {written}}}")
    assert p.reconcile.poll == poll
    assert Policy.model_validate_json(policy_json(p)) == p
    assert policy().reconcile.poll is None


@pytest.mark.parametrize("written", ["5s", "often", "-1", "true"])
def test_a_poll_is_polite_or_refused(written: str) -> None:
    """More often than every ten seconds is nobody's business."""
    with pytest.raises(PolicyError, match=r"reconcile\.poll: expected"):
        policy(f"reconcile: {{poll: {written}}}")


@pytest.mark.parametrize(
    ("budget", "caps"),
    [
        ("{run: $5, day: $2}", ("5", "2", "2", "0.2")),
        ("{run: $1, day: $2, outstanding: $0.50}", ("1", "2", "0.50", "0.05")),
        ("{run: $5, day: $2, outstanding: $1, price: $0.30}", ("5", "2", "1", "0.30")),
    ],
)
def test_a_budget_has_sensible_caps(budget: str, caps: tuple[str, ...]) -> None:
    """What is not said follows from what is: never more open than may be spent, and ten numbers at least."""
    p = parse_policy(f"name: p\n{ARMS}shadow: {{leases: live, budget: {budget}}}\n", "p.yaml")
    assert p.shadow.budget.caps == Caps(*map(Decimal, caps))


@pytest.mark.parametrize(("written", "seconds"), [("off", None), ("60s", 60.0), ("1h", 3600.0)])
def test_a_history_is_asked_for_politely(written: str, seconds: float | None) -> None:
    """Not at all unless the policy says so, and not more often than once a minute."""
    assert policy(f"reconcile: {{history: {written}}}").reconcile.history == seconds
    assert policy().reconcile.history is None
    with pytest.raises(PolicyError, match=r"reconcile\.history: expected off, or at least 60s such as 360s"):
        policy("reconcile: {history: 59s}")
