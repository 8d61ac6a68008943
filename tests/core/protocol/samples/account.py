"""Replies about the account and the market: balances, lists, catalogues."""

from decimal import Decimal

from canary.core.model import Outcome
from tests.core.protocol.samples.sample import JSON, sample

BALANCE = (
    sample("balance", "getBalance", "ACCESS_BALANCE:17.154", Outcome.OK, "ACCESS_BALANCE", balance=Decimal("17.154")),
    sample("balance_integer", "getBalance", "ACCESS_BALANCE:100", Outcome.OK, "ACCESS_BALANCE", balance=Decimal(100)),
    sample("balance_debt", "getBalance", "ACCESS_BALANCE:-0.5", Outcome.OK, "ACCESS_BALANCE", balance=Decimal("-0.5")),
    sample("balance_newline", "getBalance", "ACCESS_BALANCE:1.00\r\n",
        Outcome.OK, "ACCESS_BALANCE", balance=Decimal(1)),
    sample("balance_docs_style", "getBalance", "ACCESS_BALANCE: '5.10'",
        Outcome.OK, "ACCESS_BALANCE", balance=Decimal("5.1")),
    sample("cashback", "getBalanceAndCashBack", "ACCESS_BALANCE:3.5",
        Outcome.OK, "ACCESS_BALANCE", balance=Decimal("3.5")),
    sample("balance_comma", "getBalance", "ACCESS_BALANCE:17,15", Outcome.UNKNOWN, "ACCESS_BALANCE"),
    sample("balance_bad_key", "getBalance", "BAD_KEY", Outcome.ACCOUNT, "BAD_KEY"),
    sample("balance_answered_by_a_status", "getBalance", "STATUS_OK:1", Outcome.UNKNOWN, "STATUS_OK"),
)  # fmt: skip

LISTS = (
    sample("active", "getActiveActivations",
        '{"status":"success","activeActivations":[{"activationId":"635468024","serviceCode":"vk",'
        '"phoneNumber":"79584123456","activationCost":"12.50","activationStatus":"4","smsCode":["4711"],'
        '"smsText":"[\\"Code\\"]","activationTime":"2022-06-01 16:59:16","discount":"0.00","repeated":"0",'
        '"countryCode":"2","countryName":"Kazakhstan","canGetAnotherSms":"1","currency":840}]}',
        Outcome.OK, "JSON"),
    sample("active_none", "getActiveActivations", "NO_ACTIVATIONS", Outcome.OK, "NO_ACTIVATIONS"),
    sample("active_none_json", "getActiveActivations", '{"status":"error","error":"NO_ACTIVATIONS"}',
        Outcome.OK, "NO_ACTIVATIONS"),
    sample("active_hero", "getActiveActivations", '{"status":"success","data":[{"activationId":1}]}',
        Outcome.OK, "JSON", content_type=JSON),
    sample("active_hero_empty", "getActiveActivations", '{"data":[],"activeActivations":{"row":null,"rows":[]}}',
        Outcome.OK, "JSON", content_type=JSON),
    sample("active_grizzly", "getActiveActivations", '[{"activationId":1}]', Outcome.OK, "JSON"),
    sample("active_old", "getListOfActiveActivations", '{"status":"success","array":[{"id":"635468024"}]}',
        Outcome.OK, "JSON"),
    sample("history", "getHistory",
        '[{"id":635468024,"date":"2022-06-01 16:59:16","phone":"79584123456","sms":null,"cost":100,'
        '"status":"4","currency":840}]',
        Outcome.OK, "JSON"),
    sample("numbers_status_old", "getNumbersStatus", '{"vk_0":76,"av_1":244}', Outcome.OK, "JSON"),
    sample("numbers_status_strings", "getNumbersStatus", '{"wa":"90","tg":"12"}', Outcome.OK, "JSON"),
    sample("prices", "getPrices", '{"0":{"vk":{"cost":"12.5","count":100,"physicalCount":50}}}', Outcome.OK, "JSON"),
    sample("prices_none", "getPrices", "{}", Outcome.BUSINESS, "NO_PRICES"),
    sample("prices_none_php", "getPrices", "[]", Outcome.BUSINESS, "NO_PRICES"),
    sample("prices_hero_error", "getPrices", '{"status":"false","msg":"country is incorrect"}',
        Outcome.CALLER, "COUNTRY_IS_INCORRECT", content_type=JSON),
    sample("countries_map", "getCountries", '{"6":{"id":6,"rus":"Индонезия","eng":"Indonesia","visible":1}}',
        Outcome.OK, "JSON"),
    sample("countries_list", "getCountries", '[{"id":6,"eng":"Indonesia"}]', Outcome.OK, "JSON"),
    sample("countries_bom", "getCountries", b'\xef\xbb\xbf[{"id":6}]', Outcome.OK, "JSON"),
    sample("services", "getServicesList", '{"status":"success","services":[{"code":"tg","name":"Telegram"}]}',
        Outcome.OK, "JSON"),
    sample("operators", "getOperators", '{"status":"success","countryOperators":{"1":["life"]}}',
        Outcome.OK, "JSON", content_type=JSON),
    sample("operators_none", "getOperators", "OPERATORS_NOT_FOUND", Outcome.OK, "OPERATORS_NOT_FOUND"),
    sample("operators_none_json", "getOperators", '{"status":"error","error":"OPERATORS_NOT_FOUND"}',
        Outcome.OK, "OPERATORS_NOT_FOUND", content_type=JSON),
    sample("top_countries", "getTopCountriesByServiceRank",
        '{"0":{"country":6,"count":1,"price":0.1,"retail_price":0.2,"freePriceMap":{"0.1":1}}}',
        Outcome.OK, "JSON", content_type=JSON),
    sample("top_countries_list", "getListOfTopCountriesByService", '[{"country":6,"share":12,"rate":80}]',
        Outcome.OK, "JSON"),
)  # fmt: skip
