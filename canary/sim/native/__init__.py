"""Simulated providers that speak their own API, one file each, over the same shop and books."""

from canary.sim.native.api import Api
from canary.sim.native.fivesim import FIVESIM
from canary.sim.native.herosms import HEROSMS
from canary.sim.native.smspva import SMSPVA
from canary.sim.native.textverified import TEXTVERIFIED
from canary.sim.native.verifysms import VERIFYSMS

APIS: dict[str, Api] = {api.name: api for api in (FIVESIM, SMSPVA, TEXTVERIFIED, HEROSMS, VERIFYSMS)}
"""By the name of their dialect."""
