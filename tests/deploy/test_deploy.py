"""The units, the compose file and what they mount are understood by those who read them."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from canary.cli.harness import DRAIN
from canary.workers.supervisor import FLUSH
from tests.docs.commands import ROOT, parsed

DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: one for name, one in COMPOSE["services"].items() if "build" in one}


def settings(unit: Path) -> dict[str, str]:
    """The unit's settings by name."""
    lines = unit.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    """Its options are options of ``canary``, and it is started again whenever it ends."""
    program, *words = shlex.split(settings(unit)["ExecStart"])
    assert program.endswith("/canary")
    parsed(words)
    assert settings(unit)["Restart"] == "always"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    """Where there is a systemd it has nothing to say against it; elsewhere its sections are looked at."""
    text = unit.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[Unit]",
        "[Service]",
        "[Install]",
    ]
    analyze = shutil.which("systemd-analyze")
    if analyze is not None:
        program = shlex.split(settings(unit)["ExecStart"])[0]
        copy = tmp_path / unit.name
        copy.write_text(text.replace(program, sys.executable), encoding="utf-8")
        said = subprocess.run(
            [analyze, "verify", "--man=no", copy], capture_output=True, text=True, check=False
        )
        assert unit.name not in said.stderr, said.stderr


def test_a_stop_may_take_as_long_as_calls_in_flight() -> None:
    """Neither systemd nor compose kills a proxy that still waits for its last answers."""
    unit = settings(DEPLOY / "canary-proxy.service")
    assert int(unit["TimeoutStopSec"]) > DRAIN + FLUSH
    assert int(OURS["proxy"]["stop_grace_period"].removesuffix("s")) > DRAIN + FLUSH


@pytest.mark.parametrize("name", OURS)
def test_a_container_starts_a_command_that_there_is(name: str) -> None:
    """Its options are options of ``canary``; no password stands among them."""
    words = OURS[name]["command"]
    parsed(words)
    assert not any("PASSWORD" in word for word in words)


def test_the_compose_file_is_whole() -> None:
    """Each service has an image, each secret and volume that is used is declared, and the controller has no keys."""
    services = COMPOSE["services"]
    assert all("image" in one or "build" in one for one in services.values())
    used = {secret for one in services.values() for secret in one.get("secrets", [])}
    assert used == COMPOSE["secrets"].keys()
    sources = {volume.split(":")[0] for one in services.values() for volume in one.get("volumes", [])}
    assert {source for source in sources if not source.startswith("./")} == COMPOSE["volumes"].keys()
    assert {one for one in sources if one.endswith(".yaml")} - {"./policy.yaml"} == {
        f"./{file.name}" for file in DEPLOY.glob("*.yaml") if file.name != "compose.yaml"
    }
    assert "secrets" not in services["controller"]
    assert (ROOT / services["proxy"]["build"]["dockerfile"]).is_file()


def test_prometheus_understands_its_configuration() -> None:
    """``promtool`` has nothing to say against it."""
    promtool = shutil.which("promtool")
    assert promtool, "the tests need promtool; install the Debian package prometheus"
    told = [promtool, "check", "config", DEPLOY / "prometheus.yaml"]
    said = subprocess.run(told, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
