"""Replies to purchases: numbers in every dialect, and refusals."""

from decimal import Decimal

from canary.core.model import Outcome
from tests.core.protocol.samples.sample import BUY, ID, JSON, PHONE, activation, number, sample

SA_V2 = (
    '{"activationId":635468024,"phoneNumber":"79584123456","activationCost":12.50,"currency":840,'
    '"countryCode":"2","canGetAnotherSms":"1","activationTime":"2022-06-01 17:30:57","activationOperator":"mtt"}'
)
HERO_V2 = (
    '{"activationId":"635468024","phoneNumber":"79584123456","activationCost":0.25,"currency":840,'
    '"countryCode":6,"countryPhoneCode":62,"canGetAnotherSms":true,"activationTime":"2026-01-05T10:00:00+00:00",'
    '"activationEndTime":"2026-01-05T10:20:00+00:00","verificationType":"sms","subtype":null,'
    '"serviceCode":"tg","status":"4"}'
)
SA_NUMBER = activation(service="", price=Decimal("12.50"), began_at="2022-06-01 17:30:57")
HERO_NUMBER = activation(
    price=Decimal("0.25"), began_at="2026-01-05T10:00:00+00:00", expires_at="2026-01-05T10:20:00+00:00"
)

NUMBERS = (
    sample("number_plain", "getNumber", "ACCESS_NUMBER:3936040355:6285872391152",
        Outcome.OK, "ACCESS_NUMBER", params=BUY, issued=(number("3936040355", "6285872391152"),)),
    sample("number_plus", "getNumber", "ACCESS_NUMBER:12345:+441234567890",
        Outcome.OK, "ACCESS_NUMBER", params=BUY, issued=(number("12345", "+441234567890"),)),
    sample("number_newline", "getNumber", f"ACCESS_NUMBER:{ID}:{PHONE}\n",
        Outcome.OK, "ACCESS_NUMBER", params=BUY, issued=(number(),)),
    sample("number_fourth_field", "getNumber", f"ACCESS_NUMBER:{ID}:{PHONE}:0.35",
        Outcome.OK, "ACCESS_NUMBER", params=BUY, issued=(number(),)),
    sample("number_docs_style", "getNumber", f"ACCESS_NUMBER: '{ID}':'{PHONE}'",
        Outcome.OK, "ACCESS_NUMBER", params=BUY, issued=(number(),)),
    sample("number_quoted", "getNumber", f'"ACCESS_NUMBER:{ID}:{PHONE}"',
        Outcome.OK, "ACCESS_NUMBER", params=BUY, content_type=JSON, issued=(number(),)),
    sample("number_nanoid", "getNumber", f"ACCESS_NUMBER:ORD-7F3A_K2:{PHONE}",
        Outcome.OK, "ACCESS_NUMBER", params=BUY, issued=(number("ORD-7F3A_K2"),)),
    sample("number_with_an_error_status", "getNumber", f"ACCESS_NUMBER:{ID}:{PHONE}",
        Outcome.OK, "ACCESS_NUMBER", params=BUY, status=500, issued=(number(),)),
    sample("number_without_phone", "getNumber", f"ACCESS_NUMBER:{ID}",
        Outcome.UNKNOWN, "ACCESS_NUMBER", params=BUY, issued=(number(phone=""),)),
    sample("number_without_id", "getNumber", "ACCESS_NUMBER:", Outcome.UNKNOWN, "ACCESS_NUMBER", params=BUY),
    sample("additional", "getAdditionalService", f"ADDITIONAL:{ID}:{PHONE}",
        Outcome.OK, "ADDITIONAL", params={"service": "vk", "id": "1"}, issued=(number(service="vk"),)),
    sample("extra", "getExtraActivation", f"ACCESS_NUMBER:{ID}:{PHONE}",
        Outcome.OK, "ACCESS_NUMBER", params={"activationId": "1"}, issued=(number(service=""),)),
    sample("extra_asleep", "getExtraActivation", f"ASLEEP:{ID}:{PHONE}:1700000300",
        Outcome.OK, "ASLEEP", params={"activationId": "1"}, issued=(number(service=""),)),
    sample("extra_unknown_parent", "getExtraActivation", "BAD_ID",
        Outcome.CALLER, "BAD_ID", params={"activationId": "1"}, unknown_lease=True),
    sample("v2_sms_activate", "getNumberV2", SA_V2,
        Outcome.OK, "JSON", params=BUY, issued=(SA_NUMBER,)),
    sample("v2_hero", "getNumberV2", HERO_V2,
        Outcome.OK, "JSON", params=BUY, content_type=JSON, issued=(HERO_NUMBER,)),
    sample("v2_grizzly", "getNumberV2",
        '{"activationId":635468024,"phoneNumber":79584123456,"activationCost":"0.4","currency":643,'
        '"activationCancel":"2026-01-05 10:02:00","activationEnd":"2026-01-05 10:20:00"}',
        Outcome.OK, "JSON", params=BUY,
        issued=(activation(service="", price=Decimal("0.4"), expires_at="2026-01-05 10:20:00"),)),
    sample("v2_without_id", "getNumberV2", '{"phoneNumber":"79584123456"}', Outcome.UNKNOWN, "JSON", params=BUY),
    sample("v2_without_phone", "getNumberV2", '{"activationId":635468024}',
        Outcome.UNKNOWN, "JSON", params=BUY, issued=(activation(phone="", service=""),)),
    sample("v2_other_object", "getNumberV2", '{"ok":true}', Outcome.UNKNOWN, "JSON", params=BUY),
    sample("v2_cut_off", "getNumberV2", SA_V2[:60], Outcome.UNKNOWN, "BROKEN_JSON", params=BUY),
    sample("multi", "getMultiServiceNumber",
        '[{"phone":"79584123456","activation":1,"service":"vk"},{"phone":79584123456,"activation":"2",'
        '"service":"ok"}]',
        Outcome.OK, "JSON", params={"multiService": "vk,ok", "country": "0"},
        issued=(number("1", service="vk"), number("2", service="ok"))),
    sample("multi_not_whole", "getMultiServiceNumber",
        '[{"phone":"79584123456","activation":1,"service":"vk"},{"service":"ok"}]',
        Outcome.UNKNOWN, "JSON", params={"multiService": "vk,ok"}, issued=(number("1", service="vk"),)),
    sample("partner_product", "buyPartnerProduct", '{"status":"success"}',
        Outcome.OK, "JSON", params={"productId": "3"}),
    sample("prolong", "prolong", HERO_V2,
        Outcome.OK, "JSON", params={"id": ID, "duration": "1"}, issued=(HERO_NUMBER,)),
    sample("reactivate", "reactivate", SA_V2,
        Outcome.OK, "JSON", params={"id": ID}, issued=(SA_NUMBER,)),
)  # fmt: skip

REFUSALS = (
    sample("no_numbers", "getNumber", "NO_NUMBERS", Outcome.BUSINESS, "NO_NUMBERS", params=BUY),
    sample("no_numbers_hero_404", "getNumber", '{"title":"NO_NUMBERS","details":"No free phones","info":[]}',
        Outcome.BUSINESS, "NO_NUMBERS", params=BUY, status=404, content_type=JSON),
    sample("no_numbers_bulk_404", "getNumber", '{"error":"NO_NUMBERS"}',
        Outcome.BUSINESS, "NO_NUMBERS", params=BUY, status=404, content_type=JSON),
    sample("no_numbers_quoted", "getNumber", '"NO_NUMBERS"', Outcome.BUSINESS, "NO_NUMBERS", params=BUY),
    sample("max_price_text", "getNumber", "WRONG_MAX_PRICE:0.35", Outcome.BUSINESS, "WRONG_MAX_PRICE", params=BUY),
    sample("max_price_hero", "getNumberV2", '{"title":"WRONG_MAX_PRICE","details":"x","info":{"min":0.35}}',
        Outcome.BUSINESS, "WRONG_MAX_PRICE", params=BUY, status=400, content_type=JSON),
    sample("max_price_daisy", "getNumber", "MAX_PRICE_EXCEEDED", Outcome.BUSINESS, "MAX_PRICE_EXCEEDED", params=BUY),
    sample("prohibited", "getNumber", "Service tg is prohibited for sale",
        Outcome.BUSINESS, "PROHIBITED_FOR_SALE", params=BUY),
    sample("banned", "getNumber", "BANNED:'2025-12-31 23-59-59'", Outcome.ACCOUNT, "BANNED", params=BUY),
    sample("banned_hero", "getNumber", '{"title":"BANNED","details":"x","info":{}}',
        Outcome.ACCOUNT, "BANNED", params=BUY, status=403, content_type=JSON),
    sample("no_balance", "getNumber", "NO_BALANCE", Outcome.ACCOUNT, "NO_BALANCE", params=BUY),
    sample("no_money_daisy", "getNumber", "NO_MONEY", Outcome.ACCOUNT, "NO_MONEY", params=BUY),
    sample("channels", "getNumber", "CHANNELS_LIMIT", Outcome.ACCOUNT, "CHANNELS_LIMIT", params=BUY),
    sample("bad_key_vak", "getNumber", "BAD_ACTION", Outcome.CALLER, "BAD_ACTION", params=BUY),
    sample("bad_service", "getNumber", "BAD_SERVICE", Outcome.CALLER, "BAD_SERVICE", params=BUY),
    sample("order_repeated", "getNumberV2", "ORDER_ALREADY_EXISTS",
        Outcome.STATE, "ORDER_ALREADY_EXISTS", params=BUY),
    sample("rate_limited_bulk", "getNumber", '{"error":"rate_limit_exceeded","retry_after":5}',
        Outcome.LIMIT, "RATE_LIMIT_EXCEEDED", params=BUY, status=429, content_type=JSON),
    sample("error_sql", "getNumber", "ERROR_SQL", Outcome.PROVIDER, "ERROR_SQL", params=BUY),
    sample("server_error_two_words", "getNumber", "SERVER ERROR",
        Outcome.PROVIDER, "SERVER_ERROR", params=BUY, status=500),
    sample("answered_by_a_status", "getNumber", "STATUS_WAIT_CODE", Outcome.UNKNOWN, "STATUS_WAIT_CODE", params=BUY),
    sample("answered_by_a_balance", "getNumber", "ACCESS_BALANCE:17.15",
        Outcome.UNKNOWN, "ACCESS_BALANCE", params=BUY),
)  # fmt: skip
