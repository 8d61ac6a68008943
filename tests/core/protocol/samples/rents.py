"""Replies of the rent API."""

from decimal import Decimal

from canary.core.model import Outcome, Progress
from tests.core.protocol.samples.purchases import HERO_V2
from tests.core.protocol.samples.sample import JSON, number, sample

RENTS = (
    sample("rent", "getRentNumber",
        '{"status":"success","phone":{"id":1049,"endDate":"2020-01-31T12:01:52","number":"79951234567"}}',
        Outcome.OK, "JSON", params={"service": "vk", "rent_time": "4"},
        issued=(number("1049", "79951234567", "", expires_at="2020-01-31T12:01:52"),)),
    sample("rent_hero", "getRentNumber", HERO_V2,
        Outcome.OK, "JSON", params={"service": "tg", "duration": "4"},
        issued=(number(price=Decimal("0.25"), expires_at="2026-01-05T10:20:00+00:00"),)),
    sample("rent_no_numbers", "getRentNumber", '{"status":"error","message":"NO_NUMBERS"}',
        Outcome.BUSINESS, "NO_NUMBERS", params={"service": "vk"}),
    sample("rent_no_numbers_hero", "getRentNumber", '{"title":"NO_NUMBERS","details":"x"}',
        Outcome.BUSINESS, "NO_NUMBERS", params={"service": "vk"}, status=404, content_type=JSON),
    sample("rent_continued", "continueRentNumber",
        '{"status":"success","phone":{"id":1050,"endDate":"2020-02-01T12:01:52","number":"79951234567"}}',
        Outcome.OK, "JSON", params={"id": "1049", "rent_time": "4"},
        issued=(number("1050", "79951234567", "", expires_at="2020-02-01T12:01:52"),)),
    sample("rent_too_long", "continueRentNumber", '{"status":"error","message":"MAX_HOURS_EXCEED","info":{"max":720}}',
        Outcome.CALLER, "MAX_HOURS_EXCEED", params={"id": "1049", "rent_time": "999"}),
    sample("rent_sms", "getRentStatus",
        '{"status":"success","quantity":"1","values":{"0":{"phoneFrom":"tg","text":"Code 4711",'
        '"service":"tg","date":"2020-01-30 14:31:58"}}}',
        Outcome.OK, "JSON", params={"id": "1049"}, progress=Progress.CODE, sms="Code 4711"),
    sample("rent_waiting", "getRentStatus", '{"status":"error","message":"STATUS_WAIT_CODE"}',
        Outcome.OK, "STATUS_WAIT_CODE", params={"id": "1049"}, progress=Progress.WAITING),
    sample("rent_finished", "getRentStatus", '{"status":"error","message":"STATUS_FINISH"}',
        Outcome.STATE, "STATUS_FINISH", params={"id": "1049"}, progress=Progress.FINISHED),
    sample("rent_cancelled", "getRentStatus", '{"status":"error","message":"STATUS_CANCEL"}',
        Outcome.OK, "STATUS_CANCEL", params={"id": "1049"}, progress=Progress.CANCELLED),
    sample("rent_revoked", "getRentStatus", '{"status":"error","message":"STATUS_REVOKE"}',
        Outcome.STATE, "STATUS_REVOKE", params={"id": "1049"}, progress=Progress.REVOKED),
    sample("rent_unknown", "getRentStatus", '{"status":"error","message":"NO_ID_RENT"}',
        Outcome.CALLER, "NO_ID_RENT", params={"id": "1049"}, unknown_lease=True),
    sample("rent_finish", "setRentStatus", '{"status":"success"}',
        Outcome.OK, "JSON", params={"id": "1049", "status": "1"}, progress=Progress.FINISHED),
    sample("rent_cancel", "setRentStatus", '{"status":"success"}',
        Outcome.OK, "JSON", params={"id": "1049", "status": "2"}, progress=Progress.CANCELLED),
    sample("rent_cancel_too_late", "setRentStatus", '{"status":"error","message":"CANT_CANCEL"}',
        Outcome.STATE, "CANT_CANCEL", params={"id": "1049", "status": "2"}),
    sample("rent_cancelled_before", "setRentStatus", '{"status":"error","message":"ALREADY_CANCEL"}',
        Outcome.STATE, "ALREADY_CANCEL", params={"id": "1049", "status": "2"}, progress=Progress.CANCELLED),
    sample("rent_list", "getRentList", '{"status":"success","values":{"0":{"id":"1049","phone":"79951234567"}}}',
        Outcome.OK, "JSON"),
    sample("rent_list_empty", "getRentList", '{"status":"error","message":"NO_NUMBERS"}',
        Outcome.BUSINESS, "NO_NUMBERS"),
    sample("rent_price", "getContinueRentPriceNumber", '{"status":"success","price":6.33,"currency":840}',
        Outcome.OK, "JSON", params={"id": "1049", "rent_time": "4"}),
    sample("rent_market", "getRentServicesAndCountries",
        '{"countries":{"0":0},"operators":{"0":"any"},"services":{"full":{"cost":42.5,"quant":20}},'
        '"currency":840}',
        Outcome.OK, "JSON", params={"rent_time": "4"}),
    sample("rent_market_empty", "getRentServicesAndCountries", '{"status":"error","message":"OUT_OF_STOCK"}',
        Outcome.BUSINESS, "OUT_OF_STOCK"),
)  # fmt: skip
