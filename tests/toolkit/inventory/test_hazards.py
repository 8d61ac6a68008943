"""Each hazard is seen where it is, and not where code only looks like it."""

from pathlib import Path

import pytest

from canary.toolkit.inventory.hazards import RULES
from canary.toolkit.inventory.model import SiteKind
from tests.toolkit.inventory.small import URL, hazards, inventory

BASE = f"""\
URL = "{URL}"
def ask(**q):
    return get(URL, params=q).text
def buy(service):
    text = ask(action="getNumber", service=service)
    if not text.startswith("ACCESS_NUMBER"):
        raise Error(text)
    return text.split(":")
def poll(lease):
    text = ask(action="getStatus", id=lease)
    return text.split(":")[1] if text.startswith("STATUS_OK") else None
def wait(lease):
    while True:
        text = ask(action="getStatus", id=lease)
        if text.startswith("STATUS_OK"):
            return text
        if late():
            raise Late
def set_status(lease, status):
    return ask(action="setStatus", id=lease, status=status)
def cancel(lease):
    return set_status(lease, 8)
"""


def lines(rule: str, text: str) -> list[int]:
    """The lines of one rule's hazards in Python code."""
    return [hazard.line for hazard in hazards(rule, a_py=text)]


def after(text: str, rule: str) -> list[int]:
    """The hazards' lines in what follows the usual functions, from one."""
    above = BASE.count("\n")
    return [line - above for line in lines(rule, BASE + text)]


def test_every_rule_says_what_to_do() -> None:
    """An id, a title and a remedy, each once."""
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.title and rule.help.endswith(".") for rule in RULES)


def test_the_documentation_names_what_there_is() -> None:
    """Every rule with its level, and every kind of site."""
    text = (Path(__file__).parents[3] / "docs" / "inventory.md").read_text("utf-8")
    assert all(f"| `{rule.id}` | {rule.level} |" in text for rule in RULES)
    assert all(f"| `{kind}` |" in text for kind in SiteKind)


# --- 6 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f():\n  a = buy(1)\n  sleep(60)\n  set_status(a, 6)\n", [4]),
        ("def f():\n  a = buy(1)\n  poll(a)\n  set_status(a, 6)\n", [4]),
        ("a = buy(1)\nset_status(a, 6)\n", [2]),
        ("def end(a):\n  set_status(a, 6)\ndef f():\n  a = buy(1)\n  end(a)\n", [5]),
        ("def f():\n  a = buy(1)\n  code = poll(a)\n  if code:\n    set_status(a, 6)\n", []),
        ("def f():\n  a = buy(1)\n  wait(a)\n  set_status(a, 6)\n", []),
        (
            "def f(a):\n  if ask(action='getStatus', id=a).startswith('STATUS_OK'):\n    set_status(a, 6)\n",
            [],
        ),
        ("def end(a):\n  set_status(a, 6)\n", []),
        ("def f():\n  a = buy(1)\n  set_status(a, 6 if poll(a) else 8)\n", []),
        ("def f(r):\n  a = buy(1)\n  if r.status_code == 200:\n    set_status(a, 6)\n", [4]),
    ],
)
def test_six_without_a_code(text: str, expected: list[int]) -> None:
    """Bought or polled and finished in one flow, through helpers too, with nothing decided by a code."""
    assert after(text, "finish-without-code") == expected


# --- 8 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask(action='getNumber')\n", [1]),
        ("ask(action='getNumber')\nask(action='setStatus', status=6)\n", [1]),
        ("def end(s):\n  ask(action='setStatus', status=s)\nask(action='getNumber')\nend(6)\n", [3]),
        ("ask(action='getNumber')\nask(action='setStatus', status=8)\n", []),
        ("ask(action='getNumber')\nask(action='setStatus', status=-1)\n", []),
        ("ask(action='getNumber')\nask(action='cancelActivation')\n", []),
        ("ask(action='getRentNumber')\nask(action='setRentStatus', status=2)\n", []),
        ("def f(s):\n  ask(action='setStatus', status=s)\ndef g():\n  ask(action='getNumber')\n", []),
        ("ask(action='getNumber')\nask(action='setStatus', status=CANCEL)\n", []),
        ("ask(action='getStatus')\n", []),
    ],
)
def test_never_cancelled(text: str, expected: list[int]) -> None:
    """A purchase with no 8, -1 or cancel in the file; a function that passes any status on leaves it to others."""
    assert [line - 1 for line in lines("no-cancel", f"URL = '{URL}'\n{text}")] == expected


def test_a_wrapper_is_judged_by_its_callers() -> None:
    """One of them cancels: enough. None does: said where they buy."""
    wrapper = BASE.replace("def cancel", "def give_back")
    careful = "from gate import buy, give_back\na = buy(1)\ngive_back(a)\n"
    careless = "from gate import buy\nbuy(1)\n"
    assert hazards("no-cancel", gate_py=wrapper, a_py=careful, b_py=careless) == []
    assert [(h.path, h.line) for h in hazards("no-cancel", gate_py=wrapper, b_py=careless)] == [("b.py", 2)]


# --- 3 and 6 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def finish(a):\n  set_status(a, 3)\n", [2]),
        ("def more(a):\n  set_status(a, 3)\ndef finish(a):\n  more(a)\n", []),
        ("def finish(a):\n  ask(action='setStatus', id=a, status=3)\n", [2]),
        ("def ask_again(a):\n  ask(action='setStatus', id=a, status=6)\n", [2]),
        ("ask(action='setStatus', status=6)  # one more sms\n", [1]),
        ("# done\nask(action='setStatus', status=3)\n", [2]),
        ("STATUS_FINISH = 3\n", [1]),
        ("STATUS_RETRY = 6\n", [1]),
        ("class Status:\n  COMPLETE = 3\n  RETRY = 6\n", [2, 3]),
        ("STATUS_FINISH = 6\nSTATUS_RETRY = 3\n", []),
        ("MAX_SMS_RETRIES = 6\nSTATUS_RETRY_DELAY = 6\n", []),
        ("RETRY = 6\nDONE = 3\n", []),
        ("def finish(a):\n  ask(action='setStatus', id=a, status=6)\n", []),
        ("ask(action='setStatus', status=3)  # 3 = another code, 6 = finished\n", []),
    ],
)
def test_three_and_six_swapped(text: str, expected: list[int]) -> None:
    """A function, constant or remark says the opposite of the number; counts and other enumerations say nothing."""
    assert after(text, "swapped-status") == expected


# --- countries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "ask(action='getNumber', country=0)",
        "ask({'action': 'getNumber', 'country': '187'})",
        "get(URL + '?action=getNumber&country=6&x=1')",
        "def f(country=6): pass",
        "def f(country_id: int = 6): pass",
        "DEFAULT_COUNTRY = '22'",
        "COUNTRIES = {'us': 187}",
        "self.country = [0, 1]",
        "c = country or 0",
    ],
)
def test_country_ids_written_out(line: str) -> None:
    """Parameters, defaults, constants, tables; what the id means is said."""
    [found] = hazards("country-id", a_py=f"URL = '{URL}'\n{line}\n")
    assert found.line == 2
    assert "in the legacy table" in found.message


@pytest.mark.parametrize("line", ["country = 999", "country_count = 6", "country=c", "f(country=1.5)"])
def test_what_is_no_country_id(line: str) -> None:
    """Numbers that are no country, other names, variables."""
    assert hazards("country-id", a_py=f"URL = '{URL}'\n{line}\n") == []


def test_what_the_new_provider_calls_it() -> None:
    """Russia is 0 in the code and 222 at HeroSMS; the USA's virtual numbers are warned of."""
    [russia, america] = inventory("herosms", a_py=f"u = '{URL}'\ncountry = 0\ncountry = 12\n").hazards
    assert "herosms knows it as 222" in russia.message
    assert "virtual numbers" in america.message


def test_ids_mixed_with_codes() -> None:
    """The rarer way is pointed out, over all files that use one wrapper, and never across others."""
    text = "buy(1)\n"
    numeric = f"from gate import buy\ncountry = 6\ncountry = 0\n{text}"
    coded = f"from gate import buy\ncountry = 'US'\n{text}"
    found = hazards("countries-mixed", gate_py=BASE, a_py=numeric, b_py=coded)
    assert [(hazard.path, hazard.line) for hazard in found] == [("b.py", 2)]
    assert (
        hazards("countries-mixed", a_py=f"u='{URL}'\ncountry = 6\n", b_py=f"u='{URL}'\ncountry = 'US'\n")
        == []
    )


# --- replies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "body", "found"),
    [
        ("a_py", "def f():\n  text = http.get(URL)\n  if not text:\n    return f()\n", True),
        (
            "a_py",
            "def f():\n  for i in x:\n    text = http.get(URL)\n    if text == '':\n      continue\n",
            True,
        ),
        ("a_py", "def f():\n  text = http.get(URL)\n  while not text:\n    text = http.get(URL)\n", True),
        (
            "a_py",
            "def f():\n  text = http.get(URL)\n  if not text:\n    raise Empty\n  if x: return f()\n",
            False,
        ),
        ("a_py", "def f(text):\n  for t in x:\n    if not text:\n      continue\n  http.get(URL)\n", False),
        (
            "a_py",
            "def f():\n  text = http.get(URL, params={'action': 'getStatus'})\n  if not text:\n    return f()\n",
            False,
        ),
        (
            "a_js",
            "async function f() { const body = await fetch(URL);\n if (!body) {\n return f(); } }",
            True,
        ),
        (
            "a_js",
            "async function f() { const body = await fetch(URL);\n if (!body) {\n throw 1; }\n return f(); }",
            False,
        ),
        (
            "a_php",
            "function f() { $body = curl_exec($c); if (empty($body)) { return f(); } return $body; }",
            True,
        ),
        ("a_go", "func f() { for { body := http.Get(URL)\n if len(body) == 0 {\n continue\n } } }", True),
        (
            "A_java",
            "class A { String f() { String body = http.send(URL); if (body.isEmpty()) { return f(); } } }",
            True,
        ),
        (
            "a_rb",
            "def f\n  body = http.get(URL)\n  retry if body.empty?\n  return f() if body.empty?\nend\n",
            True,
        ),
    ],
)
def test_empty_replies_asked_for_again(name: str, body: str, found: bool) -> None:
    """In a request that may buy; reads may be asked again, and an error is the right answer."""
    assert bool(hazards("empty-retried", **{name: f'URL = "{URL}"\n{body}'})) is found


@pytest.mark.parametrize(
    ("name", "body", "found"),
    [
        ("a_py", "def f():\n  r = get(URL + '?action=getBalance')\n  return r.text.split(':')[1]\n", True),
        (
            "a_py",
            "def f():\n  r = get(URL + '?action=getNumber')\n  return re.findall(r'\\d+', r.text)\n",
            True,
        ),
        (
            "a_py",
            "def f():\n  r = get(URL + '?action=getNumber')\n  if r.startswith('ACCESS_'): return r.split(':')\n",
            False,
        ),
        (
            "a_py",
            "def ok(r): return 'STATUS_OK' in r\ndef f():\n  r = ask(action='getStatus')\n  ok(r)\n  r.split(':')\n",
            False,
        ),
        (
            "a_py",
            "def f():\n  r = get(URL + '?action=getNumber')\n  return r\ndef g(x): return x.split(':')\n",
            False,
        ),
        (
            "a_js",
            "const [w, id] = (await ask({ action: 'getNumber' })).split(':'); if (w !== 'ACCESS_NUMBER') throw w;",
            False,
        ),
        ("a_js", "const id = (await ask({ action: 'getNumber' })).split(':')[1];", True),
        ("a_php", "$p = explode(':', ask(['action' => 'getNumber']));", True),
        ("a_go", 'func f() { p := strings.Split(ask("getNumber"), ":") }', True),
        ("a_cs", "class A { void F() { var p = Ask(\"getNumber\").Split(':'); } }", True),
        ("a_sh", "r=$(ask getNumber)\nid=$(echo $r | cut -d: -f2)\n", True),
    ],
)
def test_replies_split_unseen(name: str, body: str, found: bool) -> None:
    """Taken apart without a look at the first word, there or in a function that is asked."""
    head = f"URL={URL}" if name == "a_sh" else f'URL = "{URL}"'
    assert bool(hazards("prefix-unchecked", **{name: f"{head}\n{body}"})) is found


def test_costs_from_the_price_table() -> None:
    """A cost taken from getPrices, there or where its function is called; the table alone is no hazard."""
    table = "def prices(s):\n  return ask(action='getPrices', service=s)\n"
    assert after(table, "price-from-table") == []
    assert after(f"{table}def cheapest(s):\n  return prices(s)['6'][s]['cost']\n", "price-from-table") == [4]
    assert after("def cost(s):\n  t = ask(action='getPrices')\n  return t['cost']\n", "price-from-table") == [
        2
    ]


# --- actions --------------------------------------------------------------------------------------------------


def test_actions_without_an_equivalent() -> None:
    """As the profile of the new provider says; another provider may have them."""
    text = f"u = '{URL}'\nask('getRentNumber')\nask('getFullSms')\n"
    assert lines("unsupported-action", text) == [2]
    found = inventory("herosms", a_py=text).hazards
    assert [hazard.line for hazard in found if hazard.rule.id == "unsupported-action"] == [3]


def test_unknown_actions() -> None:
    """The catalogue does not have it."""
    assert lines("unknown-action", f"u = '{URL}'\nask(action='getBalanceV2')\n") == [2]


def test_documents_and_settings_have_no_logic() -> None:
    """A purchase in a README is not called careless."""
    assert inventory(a_md=f"    curl {URL}?action=getNumber&country=0\n").hazards == ()
    assert inventory(a_yml=f"url: {URL}?action=getRentNumber\n").hazards == ()
