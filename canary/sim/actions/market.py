"""Reads of the market: what there is, where, and for how much."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zlib import crc32

from canary.sim.answers import HTML, Answer, Refused, data, written
from canary.sim.market import COUNTRIES, OPERATORS, SERVICES, offers
from canary.sim.shapes import price
from canary.sim.visit import Handler, Visit

type Cell = Callable[[Visit, Decimal, int], Any]
"""What stands for one offer in a table of prices: made of its price and how many numbers there are."""


def in_stock(visit: Visit, service: str, country: str) -> int:
    """How many numbers an offer shows: a steady figure, less what the stock-out rate takes."""
    full = 20 + crc32(f"{service}/{country}".encode()) % 480
    return round(full * (1 - visit.behaviour.stock_out_for(service, country)))


def _selected(visit: Visit) -> list[tuple[str, str]]:
    """The offers (country, service) that the call's filters leave."""
    dialect = visit.dialect
    service = visit.call.get("service")
    country = visit.country() if visit.call.get("country") else ""
    listed = ((str(c), s) for c, s in offers(dialect.russia, dialect.products))
    return [(c, s) for c, s in listed if country in {"", c} and service in {"", s}]


def _cell(visit: Visit, service: str, country: str, cell: Cell) -> Any:
    amount = visit.behaviour.price_of(service, country)
    return cell(visit, amount, in_stock(visit, service, country))


def _by_country(cell: Cell) -> Handler:
    """A handler that answers ``{country: {service: cell}}``."""

    def handler(visit: Visit) -> Answer:
        table: dict[str, dict[str, Any]] = {}
        for country, service in _selected(visit):
            table.setdefault(country, {})[service] = _cell(visit, service, country, cell)
        return data(table)

    return handler


def _by_service(cell: Cell) -> Handler:
    """A handler that answers ``{service: {country: cell}}``."""

    def handler(visit: Visit) -> Answer:
        table: dict[str, dict[str, Any]] = {}
        for country, service in _selected(visit):
            table.setdefault(service, {})[country] = _cell(visit, service, country, cell)
        return data(table)

    return handler


def _plain_cell(visit: Visit, amount: Decimal, count: int) -> Any:
    return {"cost": price(visit.dialect, amount), "count": count, "physicalCount": count // 2}


def _extended_cell(visit: Visit, amount: Decimal, count: int) -> Any:
    row = {"cost": price(visit.dialect, amount), "count": count}
    return {**row, "freePriceMap": {written(amount): count}} if _free_price(visit) else row


def _verification_cell(visit: Visit, amount: Decimal, count: int) -> Any:
    return {"count": count, "price": price(visit.dialect, amount)}


def _bucket_cell(visit: Visit, amount: Decimal, count: int) -> Any:
    return {written(amount): count}


def _provider_cell(visit: Visit, amount: Decimal, count: int) -> Any:
    return {"1": {"provider_id": 1, "price": price(visit.dialect, amount), "count": count}}


def _free_price(visit: Visit) -> bool:
    return visit.call.get("freePrice") in {"1", "true"}


def _numbers_status(visit: Visit) -> Answer:
    country, dialect = visit.country(), visit.dialect
    table: dict[str, Any] = {}
    for service in SERVICES.values() if dialect.products else SERVICES:
        count = in_stock(visit, service, country)
        table[f"{service}_0" if dialect.suffix else service] = str(count) if dialect.text_counts else count
    return replace(data(table), content_type=HTML)


def _countries(visit: Visit) -> Answer:
    rows = [
        {
            "id": country.id or visit.dialect.russia,
            "rus": country.name,
            "eng": country.name,
            "chn": country.name,
            "visible": 1,
            "retry": 1,
            "rent": 1,
            "multiService": 1,
        }
        for country in COUNTRIES
    ]
    if visit.dialect.countries == "list":
        return data(rows)
    return data({str(row["id"]): row for row in rows})


def _services_list(visit: Visit) -> Answer:
    names = [{"code": _spelled(visit, code), "name": name.capitalize()} for code, name in SERVICES.items()]
    return data({"status": "success", "services": names})


def _services(visit: Visit) -> Answer:
    return data({_spelled(visit, code): name.capitalize() for code, name in SERVICES.items()})


def _spelled(visit: Visit, code: str) -> str:
    return SERVICES[code] if visit.dialect.products else code


def _operators(visit: Visit) -> Answer:
    ids = {str(country.id or visit.dialect.russia) for country in COUNTRIES}
    asked = visit.call.get("country")
    if asked and asked not in ids:
        raise Refused("OPERATORS_NOT_FOUND")
    chosen = [asked] if asked else sorted(ids, key=int)
    return data({"status": "success", "countryOperators": {one: list(OPERATORS) for one in chosen}})


def _ranked(visit: Visit) -> list[dict[str, Any]]:
    """Countries of one service, cheapest first, then those with most numbers."""
    service = visit.service()
    countries = [str(country.id or visit.dialect.russia) for country in COUNTRIES]
    rows = [(visit.behaviour.price_of(service, c), in_stock(visit, service, c), c) for c in countries]
    rows.sort(key=lambda row: (row[0], -row[1]))
    return [{"country": int(c), "count": n, "amount": amount} for amount, n, c in rows]


def _top(visit: Visit) -> Answer:
    table: dict[str, Any] = {}
    for rank, row in enumerate(_ranked(visit)):
        amount = row["amount"]
        table[str(rank)] = {
            "country": row["country"],
            "count": row["count"],
            "price": price(visit.dialect, amount),
            "retail_price": price(visit.dialect, amount),
        }
        if _free_price(visit):
            table[str(rank)]["freePriceMap"] = {written(amount): row["count"]}
    return data(table)


def _top_list(visit: Visit) -> Answer:
    ranked = _ranked(visit)
    total = sum(row["count"] for row in ranked) or 1
    rows = [
        {
            "country": row["country"],
            "share": round(100 * row["count"] / total, 2),
            "rate": round(100 * visit.behaviour.success_for(visit.service(), str(row["country"])), 2),
        }
        for row in ranked
    ]
    length = visit.call.get("length")
    return data(rows[: int(length)] if length.isascii() and length.isdigit() else rows)


HANDLERS: dict[str, Handler] = {
    "getNumbersStatus": _numbers_status,
    "getPrices": _by_country(_plain_cell),
    "getPricesExtended": _by_country(_extended_cell),
    "getPricesVerification": _by_service(_verification_cell),
    "getPricesV2": _by_country(_bucket_cell),
    "getPricesV3": _by_country(_provider_cell),
    "getCountries": _countries,
    "getServicesList": _services_list,
    "getServices": _services,
    "getOperators": _operators,
    "getTopCountriesByService": _top,
    "getTopCountriesByServiceRank": _top,
    "getListOfTopCountriesByService": _top_list,
}
