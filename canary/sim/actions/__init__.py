"""How each action is answered: one table of handlers, by the name of the action."""

from canary.sim.actions import account, activation, market, purchases, rents
from canary.sim.visit import Handler

HANDLERS: dict[str, Handler] = {
    **account.HANDLERS,
    **market.HANDLERS,
    **purchases.HANDLERS,
    **activation.HANDLERS,
    **rents.HANDLERS,
}
"""Every action of the catalogue; a dialect serves a part of them."""
