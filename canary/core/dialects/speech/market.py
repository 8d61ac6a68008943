"""Reads of the market: what there is, where, and for how much."""

from typing import Any

from canary.core.dialects.model import Offer, Refused, Settings, Steps, as_json
from canary.core.dialects.speech.reply import Ask, Spoken, Way, as_reply, told


def _named(ask: Ask, service: str, country: str) -> tuple[Settings, str, str]:
    names = ask.settings
    return names, names.service(service) if service else "", names.country(country) if country else ""


def _prices(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.offers is not None, "the table says what is needed"
    offers = yield from ask.dialect.offers(*_named(ask, ask.get("service"), ask.get("country")))
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for offer in offers:
        row = {"cost": offer.price, "count": offer.count, "physicalCount": offer.count}
        table.setdefault(ask.settings.id(offer.country), {})[ask.settings.code(offer.service)] = told(row)
    return as_reply(table)


def _numbers_status(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.stock is not None, "the table says what is needed"
    offers = yield from ask.dialect.stock(*_named(ask, "", ask.get("country") or "0"))
    counts = {ask.settings.code(offer.service): str(offer.count or 0) for offer in offers}
    return Spoken(as_json(counts))


def _top_countries(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.stock is not None, "the table says what is needed"
    if not ask.get("service"):
        raise Refused("BAD_SERVICE")
    offers = yield from ask.dialect.stock(*_named(ask, ask.get("service"), ""))
    ranked = sorted(offers, key=lambda offer: -(offer.count or 0))
    return as_reply({str(rank): _ranked(ask, offer) for rank, offer in enumerate(ranked)})


def _ranked(ask: Ask, offer: Offer) -> dict[str, Any]:
    country = ask.settings.id(offer.country)
    return {
        "country": int(country) if country.isdecimal() else country,
        "count": offer.count or 0,
        "price": offer.price,
        "retail_price": offer.price,
    }


def _services(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.services is not None, "the table says what is needed"
    country = ask.get("country")
    known = yield from ask.dialect.services(ask.settings, ask.settings.country(country) if country else "")
    listed = [{"code": ask.settings.code(one.name), "name": one.title or one.name} for one in known]
    return as_reply({"status": "success", "services": listed})


def _countries(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.places is not None, "the table says what is needed"
    places = yield from ask.dialect.places(ask.settings)
    named = ((ask.settings.id(place.name), place) for place in places)
    return as_reply({own: _country(own, place.title or place.name) for own, place in named})


def _country(own: str, title: str) -> dict[str, Any]:
    shown = int(own) if own.isdecimal() else own
    names = {"rus": title, "eng": title, "chn": title}
    return {"id": shown, **names, "visible": 1, "retry": 1, "rent": 1, "multiService": 0}


def _operators(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.operators is not None, "the table says what is needed"
    places = yield from ask.dialect.operators(ask.settings)
    asked = ask.settings.country(ask.get("country")) if ask.get("country") else ""
    chosen = [place for place in places if asked in {"", place.name}]
    if not chosen:
        raise Refused("OPERATORS_NOT_FOUND")
    listed = {ask.settings.id(place.name): list(place.operators) for place in chosen}
    return as_reply({"status": "success", "countryOperators": listed})


WAYS: dict[str, tuple[Way, str]] = {
    "getPrices": (_prices, "offers"),
    "getNumbersStatus": (_numbers_status, "stock"),
    "getTopCountriesByService": (_top_countries, "stock"),
    "getTopCountriesByServiceRank": (_top_countries, "stock"),
    "getServicesList": (_services, "services"),
    "getCountries": (_countries, "places"),
    "getOperators": (_operators, "operators"),
}
"""How each action is carried out, and what a dialect must have for it."""
