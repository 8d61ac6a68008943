"""Every way to name the old API is found, in the ways of each language; other APIs' words are not."""

import pytest

from canary.core.actions import CATALOGUE
from canary.toolkit.inventory.model import Site, SiteKind
from canary.toolkit.inventory.signs import HOSTS, may_matter
from tests.toolkit.inventory.small import URL, inventory, one, sites

HEAD = f"BASE = '{URL}'\n"


@pytest.mark.parametrize("host", [host for hosts in HOSTS.values() for host in hosts.split()])
def test_every_known_host(host: str) -> None:
    """With its provider, in an address and alone, with subdomains."""
    provider = next(name for name, hosts in HOSTS.items() if host in hosts.split())
    for text in (
        f"u = 'https://{host}/stubs/handler_api.php'",
        f"h = '{host}'",
        f"h = 'x.{host.upper()}:443'",
    ):
        assert one(a_py=text).provider == provider
    assert may_matter(f"https://{host}/".encode())


@pytest.mark.parametrize(
    "text",
    [
        "u = 'https://sms-activate.org/en/api2'",
        "mail = 'help@sms-activate.org'",
        "u = 'https://notsms-activate.org/'",
        "u = 'https://sms-activate.org.example/'",
        "raise E('no money at sms-activate.org')",
        "raise E('sms-activate.org says no')",
        "# https://sms-activate.org/stubs/handler_api.php",
        "x = sms_activate.org",
    ],
)
def test_what_is_no_address_of_the_api(text: str) -> None:
    """Pages for people, mail addresses, other hosts, sentences, comments, code."""
    assert sites(a_py=text) == []


@pytest.mark.parametrize("path", ["/stubs/handler_api.php", "/compat/handler_api.php", "handler_api.php?x=1"])
def test_the_endpoint_on_any_host(path: str) -> None:
    """The path tells it, never the host."""
    assert sites(a_go=f'const u = "https://example.com{path}"') == [(1, "endpoint", "")]


@pytest.mark.parametrize(
    ("suffix", "line"),
    [
        ("py", "get(BASE + '?api_key=' + k + '&action=getNumber&service=tg')"),
        ("py", "get(BASE, params={'api_key': k, 'action': 'getNumber'})"),
        ("py", 'get(BASE, api_key=k, action="getNumber")'),
        ("py", "params['action'] = 'getNumber'"),
        ("py", "ask('getNumber', service='tg')"),
        ("py", "ask('getNumber&service=tg')"),
        ("js", "ask({ action: 'getNumber', service })"),
        ("js", "url.searchParams.set('action', 'getNumber')"),
        ("js", "fetch(`${BASE}?api_key=${k}&action=getNumber`)"),
        ("ts", 'ask({ "action": "getNumber" as const })'),
        ("php", "$x = ask(['action' => 'getNumber']);"),
        ("php", 'file_get_contents("$base?api_key=$k&action=getNumber");'),
        ("go", 'q.Set("action", "getNumber")'),
        ("go", 'v := url.Values{"action": {"getNumber"}}'),
        ("go", 'v := url.Values{"action": []string{"getNumber"}}'),
        ("java", 'b.queryParam("action", "getNumber");'),
        ("java", 'Map.of("action", "getNumber");'),
        ("kt", 'mapOf("action" to "getNumber")'),
        ("cs", '{ "action", "getNumber" },'),
        ("cs", 'query["action"] = "getNumber";'),
        ("cs", 'await Get($"{u}?api_key={k}&action=getNumber");'),
        ("rb", "get('', action: 'getNumber')"),
        ("rb", "get('', :action => 'getNumber')"),
        ("rb", "get('', action: :getNumber)"),
        ("rs", '.query(&[("action", "getNumber")])'),
        ("dart", "final u = '$base?action=getNumber&api_key=$k';"),
        ("sh", "curl -G $API -d action=getNumber"),
        ("sh", "ask getNumber service=tg"),
    ],
)
def test_actions_as_each_language_writes_them(suffix: str, line: str) -> None:
    """In an address, as a parameter, handed to the file's own function."""
    comment = "#" if suffix in {"py", "rb", "sh"} else "//"
    base = f"BASE={URL}" if suffix == "sh" else f'const BASE = "{URL}"'
    found = sites(**{f"a_{suffix}": f"{base} {comment} getStatus\n{line}\n"})
    assert found == [(1, "endpoint", ""), (2, "call", "getNumber")]


@pytest.mark.parametrize("action", [action.name for action in CATALOGUE])
def test_every_action_of_the_catalogue(action: str) -> None:
    """By its own name, and in small letters as one public client sends it."""
    text = f"{HEAD}get(BASE + '?action={action}')\nget(BASE + '?action={action.lower()}')\n"
    assert sites(a_py=text)[1:] == [(2, "call", action), (3, "call", action)]


def test_an_action_that_nobody_documents() -> None:
    """Is reported as it is written; any other word after action is none."""
    text = f"{HEAD}ask(action='getBalanceV7')\nask(action='save')\n"
    assert sites(a_py=text)[1:] == [(2, "call", "getBalanceV7")]


@pytest.mark.parametrize(
    "line",
    [
        "if action == 'getNumber': pass",
        "if (action === 'getNumber') {}",
        "case 'getNumber':",
        "handlers = {'getNumber': handle}",
        "# ask('getNumber')",
        "client.getNumber()",
        "ask('keep')",
    ],
)
def test_mentions_are_no_calls(line: str) -> None:
    """Comparisons, keys of tables, comments, methods of something else."""
    assert sites(a_py=f"{HEAD}{line}\n") == [(1, "endpoint", "")]


def test_a_function_that_mentions_its_action_again_asks_once() -> None:
    """The name is often handed to what reads the reply, too."""
    text = f"{HEAD}def f():\n  r = get(params={{'action': 'getBalance'}})\n  return parse('getBalance', r)\n"
    assert sites(a_py=text)[1:] == [(3, "call", "getBalance")]


@pytest.mark.parametrize(
    "text",
    [
        "$.post('/admin', { action: 'getStatus', id });",
        "fetch('/orders?action=setStatus&status=6');",
        "const h = { getBalance: a, getHistory: b }; call('getBalance');",
        "// smshub: api_key\n$.post('/x', { action: 'save' });",
        "order.setStatus(6); sms.send('getStatus');",
    ],
)
def test_other_apis_have_a_get_status_too(text: str) -> None:
    """Without an address, a reply's word or a provider's name, generic actions are not the old API's."""
    assert sites(a_js=text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Http::get(env('SMSHUB_URL'), ['api_key' => $k, 'action' => 'getBalance']);",
        "$b = Http::get($u, ['action' => 'getStatus']); if ($b == 'STATUS_WAIT_CODE') {}",
        "Http::get($u, ['action' => 'getNumbersStatus']);",
        "ask(['action' => 'getNumber']); ask(['action' => 'setStatus']);",
    ],
)
def test_evidence_other_than_an_address(text: str) -> None:
    """The provider's name beside its key, words of replies, names that no other API has."""
    assert sites(a_php=f"<?php\n{text}\n")


def test_an_address_of_something_else_with_an_action() -> None:
    """In a file of the old API another API's action stays another's."""
    text = f"{HEAD}get('https://orders.example/?action=getStatus')\nget('/x.php?action=getStatus')\n"
    assert sites(a_py=text) == [(1, "endpoint", "")]


def test_names_kept_for_later() -> None:
    """A list of actions is no call; what takes its members is one, in the file and elsewhere."""
    listed = (
        'class Action:\n  GET_NUMBER = "getNumber"\n  GET_STATUS = "getStatus"\n  SET_STATUS = "setStatus"\n'
    )
    used = "# SmsActivate, api_key\nask(Action.GET_NUMBER, a)\nask(action=Action.SET_STATUS)\nask(Order.SET_STATUS)\n"
    assert [(kind, action) for _, kind, action in sites(a_py=listed)] == [
        ("name", "getNumber"),
        ("name", "getStatus"),
        ("name", "setStatus"),
    ]
    assert sites(a_py=used) == [(2, "call", "getNumber"), (3, "call", "setStatus")]
    java = (
        'class A {\n static final String ACTION_BUY = "getNumber";\n'
        ' void f() { ask(ACTION_BUY, 1); }\n String u = "handler_api.php";\n}'
    )
    assert sites(A_java=java) == [(2, "name", "getNumber"), (3, "call", "getNumber"), (4, "endpoint", "")]


def test_the_old_php_class() -> None:
    """Its actions are called like its functions."""
    head = f"<?php\nclass A {{ private $u = '{URL}';\n"
    text = head + "function getNumber($s) {\n $p = array('action' => __FUNCTION__);\n} }"
    assert sites(A_php=text)[1:] == [(4, "call", "getNumber")]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("values_yaml", f"sms:\n  url: {URL}\n", "endpoint"),
        ("a_env", f"SMS_URL={URL}\n", "endpoint"),
        ("a_json", '{"host": "smshub.org"}', "host"),
        ("a_toml", 'host = "sms-activate.org" # old', "host"),
        ("a_conf", "server api.sms-activate.ae:443;", "host"),
        ("a_yml", f"- url: {URL}?action=getBalance", "call"),
        ("a_md", "we use sms-activate.org today", "host"),
        ("a_md", f"    curl {URL}?action=getBalance", "call"),
    ],
)
def test_configuration_and_documents(name: str, text: str, kind: str) -> None:
    """Where text needs no quotes; in documents a sentence counts, too."""
    assert one(**{name: text}).kind == kind


@pytest.mark.parametrize(
    ("name", "text", "library"),
    [
        ("a_py", "from smsactivate.api import SMSActivateAPI", "smsactivate"),
        ("a_py", "import aiosmsactivate as a", "aiosmsactivate"),
        ("a_js", "const S = require('sms-activate');", "sms-activate"),
        ("a_ts", 'import { SMSActivate } from "sms-activate";', "sms-activate"),
        ("a_go", 'import "github.com/solodecode/sms-activate-go"', "github.com/solodecode/sms-activate-go"),
        ("A_java", "import com.sms_activate.SMSActivateApi;", "com.sms_activate"),
        ("a_rb", "require 'sms_activate'", "sms_activate"),
        ("requirements_txt", "smsactivate==1.5", "smsactivate"),
        ("package_json", '{"dependencies": {"sms-activate": "^1"}}', "sms-activate"),
        ("composer_json", '{"require": {"vendor/sms-activate-php": "^1"}}', "vendor/sms-activate-php"),
        ("go_mod", "\tgithub.com/solodecode/sms-activate-go v1.0.0", "github.com/solodecode/sms-activate-go"),
        ("pom_xml", "<artifactId>sms-activate</artifactId>", "sms-activate"),
        ("pyproject_toml", 'dependencies = [\n  "pysmshub>=0.1",\n]', "pysmshub"),
    ],
)
def test_client_libraries(name: str, text: str, library: str) -> None:
    """Imported, or declared as a dependency."""
    site = one(**{name: text})
    assert (site.kind, site.wrapper) == (SiteKind.SDK, f"sdk:{library}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a_py", "from smsaero import Client"),
        ("a_js", "require('./sms-activate-docs')"),
        ("package_json", '{"name": "sms-activate", "description": "Library for sms-activate.ru API"}'),
        ("requirements_txt", "# smsactivate\nsmsaero>=1"),
        ("notes_txt", "smsactivate==1.5"),
    ],
)
def test_what_is_no_client_library(name: str, text: str) -> None:
    """Other libraries, the repository's own files, names and comments."""
    assert sites(**{name: text}) == []


def test_of_several_signs_on_a_line_the_strongest_counts() -> None:
    """One site for each line, with all that is known of it."""
    line = f"get('{URL}?action=getBalance')"
    column = line.index("getBalance") + 1
    assert one(a_py=line) == Site("a.py", 1, column, SiteKind.CALL, "getBalance", "sms-activate", "", line)


@pytest.mark.parametrize(
    "text", ["", "\0", "\ud800sms-activate.org", "'" * 10_000 + "sms-activate.org", "(" * 5000 + URL]
)
def test_any_text_is_read(text: str) -> None:
    """Nothing breaks the scanner."""
    for suffix in ("py", "js", "go", "rb", "sh", "md", "json"):
        inventory(**{f"a_{suffix}": text})
