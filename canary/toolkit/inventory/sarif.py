"""An inventory as SARIF 2.1.0, for code scanning. Hazards are results; call sites are informational ones."""

from hashlib import sha256
from typing import Any
from urllib.parse import quote

from canary import __version__
from canary.toolkit.inventory.hazards import RULES
from canary.toolkit.inventory.model import Hazard, Inventory, Site

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
SITE = "call-site"

_SITE_RULE = {
    "id": SITE,
    "name": SITE,
    "shortDescription": {"text": "a call site of the old API"},
    "help": {"text": "Where the old API is called, imported or addressed."},
    "defaultConfiguration": {"level": "none"},
}


def document(found: Inventory) -> dict[str, Any]:
    """The log of one run. Paths are relative to the folder in which the command ran; no key is in it."""
    rules = [
        _SITE_RULE,
        *(
            {
                "id": rule.id,
                "name": rule.id,
                "shortDescription": {"text": rule.title},
                "help": {"text": rule.help},
                "defaultConfiguration": {"level": rule.level.value},
            }
            for rule in RULES
        ),
    ]
    indices = {str(rule["id"]): index for index, rule in enumerate(rules)}
    results = [*map(_hazard, found.hazards), *map(_site, found.sites)]
    run = {
        "tool": {"driver": {"name": "canary", "version": __version__, "rules": rules}},
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder in which the command ran."}}},
        "columnKind": "unicodeCodePoints",
        "results": [result | {"ruleIndex": indices[result["ruleId"]]} for result in results],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _hazard(hazard: Hazard) -> dict[str, Any]:
    message = f"{hazard.message}. {hazard.rule.help}"
    return _result(hazard, hazard.rule.id, message) | {"level": hazard.rule.level.value}


def _site(site: Site) -> dict[str, Any]:
    what = f"{site.kind.value} of {site.action}" if site.action else site.kind.value
    through = f" through {site.wrapper}" if site.wrapper else ""
    return _result(site, SITE, f"{what}{through}") | {"kind": "informational", "level": "none"}


def _result(found: Hazard | Site, rule: str, message: str) -> dict[str, Any]:
    region = {"startLine": found.line, "startColumn": found.column, "snippet": {"text": found.text}}
    location = {"artifactLocation": {"uri": quote(found.path), "uriBaseId": ROOT}, "region": region}
    # the line's words and not its number, so that a result stays the same one when lines are added above it
    print_ = sha256(f"{rule}\0{found.path}\0{found.text}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return {
        "ruleId": rule,
        "message": {"text": message},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"canary/v1": print_},
    }
