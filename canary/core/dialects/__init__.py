"""Providers' own APIs behind handler_api: one pure file per API, and the table of them."""

from canary.core.dialects.fivesim import FIVESIM
from canary.core.dialects.herosms import HEROSMS
from canary.core.dialects.model import Dialect
from canary.core.dialects.smspva import SMSPVA
from canary.core.dialects.textverified import TEXTVERIFIED
from canary.core.dialects.verifysms import VERIFYSMS

HANDLER_API = "handler_api"
"""The dialect that clients speak, and most providers."""

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (FIVESIM, SMSPVA, TEXTVERIFIED, HEROSMS, VERIFYSMS)
}
"""Every other dialect, by the name that profiles give it."""
