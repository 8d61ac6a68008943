"""The sim commands as a user types them."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from canary.cli import main
from tests.factories import CLIENT_KEY

CANARY = [sys.executable, "-c", "from canary.cli import main; main()"]
_HOST = r"127\.0\.0\.1:\d+"
READY = re.compile(
    rf"ready provider=(https?://{_HOST}/stubs/handler_api\.php) control=(http://{_HOST}/_sim/)(?: ca=(\S+))?\n"
)
QUICK = (
    "--rate",
    "50",
    "--duration",
    "400ms",
    "--poll-interval",
    "20ms",
    "--patience",
    "200ms",
    "--seed",
    "1",
)


@contextmanager
def provider(*options: str) -> Iterator[tuple[re.Match[str], subprocess.Popen[str]]]:
    """A provider in a process of its own, with its ready line."""
    environ = {**os.environ, "SIM_KEY": CLIENT_KEY}
    process = subprocess.Popen(
        [*CANARY, "sim", "provider", *options], stdout=subprocess.PIPE, text=True, env=environ
    )
    try:
        ready = READY.fullmatch(process.stdout.readline())
        assert ready, "the first line is the ready line"
        yield ready, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        process.stdout.close()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "SIM_KEY": CLIENT_KEY}
    return subprocess.run(
        [*CANARY, "sim", *arguments], check=False, capture_output=True, text=True, env=environ, timeout=60
    )


def get(url: str) -> dict:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def test_a_provider_serves_traffic_until_sigterm():
    """Ready line, traffic as JSON, books that agree, and a clean end."""
    knobs = ("--set", "success=1", "--set", "code_delay=0", "--set", "prices.tg=0.5", "--set", "price=0.5")
    with provider("--seed", "1", "--key-env", "SIM_KEY", *knobs) as (ready, process):
        done = run("traffic", ready[1], *QUICK, "--key-env", "SIM_KEY", "--style", "polite", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        report = json.loads(done.stdout)
        books = get(f"{ready[2]}books")
        assert report["outcomes"] == {"succeeded": books["sold"]}
        assert Decimal(books["spent"]) == books["sold"] * Decimal("0.5")
        assert report["consistent"] is True
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_traffic_ends_with_a_summary():
    """Without --json a table says what was seen; nothing else is printed in a pipe."""
    with provider("--profile", "herosms", "--set", "code_delay=0") as (ready, _):
        done = run("traffic", ready[1], *QUICK)
    assert done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "leases",
        "outcomes",
        "arms",
        "calls",
        "replies",
        "failures",
        "latency",
        "astray",
    ]


def test_https_is_served_with_an_authority_that_is_kept(tmp_path):
    """--ca keeps the authority, and traffic trusts its file."""
    ca = tmp_path / "ca.pem"
    with provider("--tls", "--ca", str(ca), "--set", "code_delay=0") as (ready, _):
        assert ready[3] == str(ca)
        done = run("traffic", ready[1], *QUICK, "--ca", str(ca), "--json")
    assert json.loads(done.stdout)["failures"] == {}


def test_a_scenario_begins_with_its_first_knobs():
    """What a scenario sets at 0s is in force before the ready line."""
    with provider("--scenario", "warm-up-limit") as (ready, _):
        assert get(f"{ready[2]}behaviour")["rate_limit"]["per_second"] == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("provider", "--profile", "nobody"),
            "there is no profile nobody; expected one of generic, sms-activate",
        ),
        (("provider", "--set", "sucess=1"), "unknown knob sucess; did you mean success?"),
        (("provider", "--set", "success"), "--set success has no value; expected KNOB=VALUE"),
        (("provider", "--set", "success={"), "--set success={ is no YAML value"),
        (("provider", "--scenario", "nope"), "the scenario nope cannot be read"),
        (("provider", "--key-env", "NOT_SET"), "the environment variable NOT_SET is not set"),
        (("traffic", "http://127.0.0.1:1/", "--rate", "0"), "rate: input should be greater than 0"),
        (("traffic", "http://127.0.0.1:1/", "--duration", "soon"), "duration: expected a duration"),
        (("traffic", "ftp://nowhere"), "ftp://nowhere is no provider's URL; expected such as http://"),
        (
            ("traffic", "http://nowhere/?api_key=k"),
            "a provider's URL has no query; the key comes from --key-env",
        ),
        (
            ("traffic", "https://127.0.0.1:1/", "--ca", "/nowhere.pem"),
            "the authority /nowhere.pem cannot be read",
        ),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(arguments, said, capsys):
    """Exit code 2, one line on stderr, no traceback."""
    with pytest.raises(SystemExit) as ended:
        main(["sim", *arguments])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.startswith(f"canary: {said}")
    assert err.count("\n") == 1


def test_a_port_in_use_is_named():
    """The remedy is in the sentence."""
    with provider() as (ready, _):
        port = re.search(r":(\d+)/", ready[1])[1]
        done = run("provider", "--port", port)
    said = f"canary: nothing can listen on port {port}: Address already in use; try --port 0\n"
    assert (done.returncode, done.stderr) == (2, said)
