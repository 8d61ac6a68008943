"""Small texts for the scanner."""

from canary.gateway.config import shipped_profile
from canary.toolkit.inventory.model import Hazard, Inventory, Site
from canary.toolkit.inventory.scan import take

URL = "https://sms-activate.org/stubs/handler_api.php"


def inventory(provider: str = "verifysms", /, **texts: str) -> Inventory:
    """The inventory of some texts; ``a_b_py="..."`` is the file ``a/b.py``."""
    named = {name.replace("__", "/").rpartition("_"): text for name, text in texts.items()}
    files = {f"{stem}.{suffix}": text for (stem, _, suffix), text in named.items()}
    return take(files.items(), shipped_profile(provider))


def sites(**texts: str) -> list[tuple[int, str, str]]:
    """Line, kind and action of every site."""
    return [(site.line, str(site.kind), site.action) for site in inventory(**texts).sites]


def one(**texts: str) -> Site:
    """The only site."""
    [site] = inventory(**texts).sites
    return site


def hazards(rule: str, **texts: str) -> list[Hazard]:
    """The hazards of one rule."""
    return [hazard for hazard in inventory(**texts).hazards if hazard.rule.id == rule]
