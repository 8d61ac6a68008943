"""How much of what a person finds in client code the inventory finds, and how much of what it finds is there."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from canary.gateway.config import shipped_profile
from canary.toolkit.inventory.languages import Role, language_of
from canary.toolkit.inventory.model import Inventory
from canary.toolkit.inventory.scan import take
from tests.toolkit.inventory.labels import Found, labelled

NODE = Path(__file__).parents[1] / "end_to_end" / "node" / "node_modules" / "sms-activate"

PACKAGES = {
    "smsactivate/api.py": {
        "endpoint": [8],
        "call": [
            *(
                197,
                202,
                207,
                217,
                242,
                266,
                281,
                292,
                299,
                306,
                315,
                320,
                329,
                334,
                343,
                355,
                371,
                379,
                389,
                394,
            ),
            *(404, 412, 422, 430, 438, 443, 449),
        ],
    },
    "pysmshub/base.py": {"endpoint": [6]},
    "pysmshub/utils.py": {"name": [24, 25, 26, 27, 28, 29]},
    "pysmshub/asynchronous.py": {"call": [51, 62, 78, 90, 99, 111]},
    "pysmshub/synchronous.py": {"call": [43, 53, 73, 89, 98, 110]},
}
"""What a person finds in two client libraries of PyPI, in the versions that the tests install."""

NPM = {
    "sms-activate/lib/index.js": {"endpoint": [12], "call": [63, 74, 90, 100, 113]},
    "sms-activate/examples/getNumberAndCode.js": {"wrapper": [4, 6, 9, 13, 17]},
}
"""The same in one of npm."""


def inventory(texts: dict[str, str]) -> Inventory:
    return take(texts.items(), shipped_profile("verifysms"))


def sites(found: Inventory) -> set[Found]:
    return {(site.path, site.line, str(site.kind)) for site in found.sites}


def hazards(found: Inventory) -> set[Found]:
    return {(hazard.path, hazard.line, hazard.rule.id) for hazard in found.hazards}


def measured(wanted: Iterable[Found], found: Iterable[Found]) -> tuple[float, float, str]:
    """Precision, recall, and both with their counts for people."""
    want, got = set(wanted), set(found)
    both = len(want & got)
    precision, recall = both / len(got) if got else 1.0, both / len(want) if want else 1.0
    return (
        precision,
        recall,
        f"precision {precision:6.1%} of {len(got):3}   recall {recall:6.1%} of {len(want):3}",
    )


def test_client_code_in_many_languages(capsys: pytest.CaptureFixture[str]) -> None:
    """At least 97 % of the calls and hazards are found, and of what is found, for code in ten languages and more."""
    known = labelled()
    found = inventory(known.texts)
    got = {"sites": (known.sites, sites(found)), "hazards": (known.hazards, hazards(found))}
    languages = {path: language.name for path in known.texts if (language := language_of(path))}
    code = {name for path, name in languages.items() if (one := language_of(path)) and one.role is Role.CODE}
    lines = [f"inventory of {len(known.texts)} labelled files in {len(code)} programming languages"]
    for what, (want, have) in got.items():
        lines.append(f"  {what:<8} {'all':<11} {measured(want, have)[2]}")
        for name in sorted(set(languages.values())):
            mine = [{one for one in some if languages[one[0]] == name} for some in (want, have)]
            lines.append(f"  {what:<8} {name:<11} {measured(*mine)[2]}")
    with capsys.disabled():
        click.echo("\n".join(["", *lines]))
    for want, have in got.values():
        precision, recall, _ = measured(want, have)
        assert precision >= 0.97, sorted(have - want)
        assert recall >= 0.97, sorted(want - have)
    assert len(code) >= 10


def _labels(table: dict[str, dict[str, list[int]]]) -> set[Found]:
    return {
        (path, line, kind) for path, kinds in table.items() for kind, lines in kinds.items() for line in lines
    }


def _installed(*names: str) -> dict[str, str]:
    texts = {}
    for name in names:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        texts |= {f"{name}/{file.name}": file.read_text("utf-8") for file in folder.glob("*.py")}
    return texts


def test_libraries_that_we_did_not_write(capsys: pytest.CaptureFixture[str]) -> None:
    """Two client libraries of PyPI, labelled by hand: nothing that is not there, and nearly all that is."""
    want, have = _labels(PACKAGES), sites(inventory(_installed("smsactivate", "pysmshub")))
    precision, recall, said = measured(want, have)
    with capsys.disabled():
        click.echo(f"\ninventory of smsactivate and pysmshub\n  sites {said}")
    assert precision == 1.0, sorted(have - want)
    assert recall >= 0.95, sorted(want - have)


def test_a_library_of_npm(capsys: pytest.CaptureFixture[str]) -> None:
    """Its calls, and in its own example that a number without a code is never given back."""
    assert NODE.is_dir(), "npm's client library is not installed; run make client"
    files = [file for file in NODE.rglob("*") if file.suffix in {".js", ".json"}]
    found = inventory({file.relative_to(NODE.parent).as_posix(): file.read_text("utf-8") for file in files})
    precision, recall, said = measured(_labels(NPM), sites(found))
    with capsys.disabled():
        click.echo(f"\ninventory of npm's sms-activate\n  sites {said}")
    assert (precision, recall) == (1.0, 1.0)
    assert ("sms-activate/examples/getNumberAndCode.js", 6, "no-cancel") in hazards(found)
