"""Calls through a library or the repository's own wrapper are found, whatever they are called; namesakes are not."""

import pytest

from tests.toolkit.inventory.small import URL, inventory, sites

WRAPPER = f"""\
URL = "{URL}"

class SmsGateway:
    def _ask(self, **q):
        return get(URL, params=q).text

    def buy(self, service):
        return self._ask(action="getNumber", service=service)

    def end(self, lease, status):
        return self._ask(action="setStatus", id=lease, status=status)

def balance():
    return SmsGateway()._ask(action="getBalance")
"""

CLIENT = f"""\
const BASE = '{URL}';
export class SmsClient {{
  async buy(service: string) {{ return get(BASE, {{ action: 'getNumber', service }}); }}
}}
export const balance = () => get(BASE, {{ action: 'getBalance' }});
export default new SmsClient();
"""


def through(wrapper: str, **texts: str) -> list[tuple[str, int, str]]:
    """Path, line and action of the calls through a wrapper."""
    return [
        (s.path, s.line, s.action)
        for s in inventory(**texts).sites
        if s.wrapper == wrapper and s.kind == "wrapper"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "from shop.gate import SmsGateway\nsms = SmsGateway()\nsms.buy('tg')\n",
        "from shop.gate import SmsGateway as G\ng = G()\ng.buy('tg')\n",
        "from shop import gate\ns = gate.SmsGateway()\ns.buy('tg')\n",
        "import shop.gate as sms\ns = sms.SmsGateway()\ns.buy('tg')\n",
        "from .gate import SmsGateway\ndef f(sms: SmsGateway):\n  sms.buy('tg')\n",
        "from shop.gate import SmsGateway\nclass A(SmsGateway):\n  def f(self): self.buy('tg')\n",
        "from shop.gate import SmsGateway\n\nSmsGateway().buy('tg')\n",
        "from shop.gate import SmsGateway\nclass A:\n  def f(self): self.s = SmsGateway(); self.s.buy(1)\n",
    ],
)
def test_a_class_of_the_repository(text: str) -> None:
    """Imported, renamed, through its module, typed, inherited, made in passing, kept in a field."""
    last = text.count("\n")
    assert through("shop/gate.py", shop__gate_py=WRAPPER, shop__use_py=text) == [
        ("shop/use.py", last, "getNumber")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "from shop.gate import balance\nprint(balance())\n",
        "from shop.gate import balance as left\nprint(left())\n",
        "from shop import gate\nprint(gate.balance())\n",
    ],
)
def test_a_function_of_the_repository(text: str) -> None:
    """By its name, by another one, through its module."""
    assert through("shop/gate.py", shop__gate_py=WRAPPER, use_py=text) == [("use.py", 2, "getBalance")]


@pytest.mark.parametrize(
    "text",
    [
        "import { SmsClient } from './lib/sms';\nconst c = new SmsClient();\nawait c.buy('tg');\n",
        "import sms from './lib/sms';\n\nawait sms.buy('tg');\n",
        "const sms = require('./lib/sms').default;\n\nsms.buy('tg');\n",
        "import { SmsClient as C } from '@/lib/sms';\nclass A { constructor(private c: C) {}\nf() { this.c.buy(1) }}",
        "import * as sms from './lib/sms.ts';\nconst c = new sms.SmsClient();\nc?.buy('tg');\n",
    ],
)
def test_a_script_knows_its_wrapper_by_a_path(text: str) -> None:
    """Default and named exports, renamed, injected; relative paths and the root's alias."""
    assert through("lib/sms.ts", lib__sms_ts=CLIENT, use_ts=text) == [("use.ts", 3, "getNumber")]


@pytest.mark.parametrize(
    "text",
    [
        "from shop.orders import Orders\no = Orders()\no.buy('x')\n",
        "from crm.gate import Gate\ng = Gate()\ng.buy('tg')\n",
        "def buy(x): pass\nbuy('tg')\n",
        "from shop.gate import SmsGateway\norders.buy('tg')\n",
        "# from shop.gate import SmsGateway\nsms.buy('tg')\n",
    ],
)
def test_namesakes_are_no_calls(text: str) -> None:
    """Methods and functions of the same name that belong to something else."""
    assert through("shop/gate.py", shop__gate_py=WRAPPER, shop__use_py=text) == []


def test_a_package_named_like_a_file_is_another() -> None:
    """A script's bare import is a package from outside."""
    assert through("lib/sms.ts", lib__sms_ts=CLIENT, use_ts="import sms from 'sms';\nsms.buy('tg');\n") == []


def test_files_of_other_languages_do_not_call_one_another() -> None:
    """A class of the same name in Java is not the one in Python."""
    text = "class A { void f() { SmsGateway sms = new SmsGateway(); sms.buy(1); } }"
    assert through("shop/gate.py", shop__gate_py=WRAPPER, A_java=text) == []


def test_what_a_call_gives_back_is_held_to_belong_to_the_wrapper() -> None:
    """A number that the wrapper made is used through its own methods."""
    package = f"""\
package sms
const base = "{URL}"
type Number struct{{}}
func Buy(s string) *Number {{ ask(base, "getNumber"); return nil }}
func (n *Number) Code() string {{ return ask(base, "getStatus") }}
"""
    use = 'package main\nimport "example.com/x/pkg/sms"\nfunc f() {\n n := sms.Buy("tg")\n n.Code()\n o.Code()\n}\n'
    assert through("pkg/sms/a.go", pkg__sms__a_go=package, main_go=use) == [
        ("main.go", 4, "getNumber"),
        ("main.go", 5, "getStatus"),
    ]


def test_included_files_share_everything() -> None:
    """PHP and shell know the functions of what they include, and only then."""
    library = f"<?php\nfunction sms_buy($s) {{ return ask('{URL}', ['action' => 'getNumber']); }}\n"
    assert through(
        "lib.php", lib_php=library, a_php="<?php\nrequire_once __DIR__ . '/lib.php';\nsms_buy('tg');\n"
    ) == [("a.php", 3, "getNumber")]
    assert through("lib.php", lib_php=library, a_php="<?php\nsms_buy('tg');\n") == []


@pytest.mark.parametrize(
    ("name", "text", "action"),
    [
        (
            "a_py",
            "from smsactivate.api import SMSActivateAPI\nsa = SMSActivateAPI(k)\nsa.getNumberV2('tg')\n",
            "getNumberV2",
        ),
        ("a_py", "from pysmshub import X\nasync with X(k) as hub:\n  hub.get_number('tg')\n", "getNumber"),
        ("a_js", "const S = require('sms-activate')\nconst sms = new S(k)\nsms.getCode(id)\n", "getStatus"),
        (
            "A_java",
            "import com.sms_activate.SMSActivateApi;\nvoid f(SMSActivateApi api) {\n api.getNumber(0, x); }\n",
            "getNumber",
        ),
        (
            "a_rb",
            "require 'sms_activate'\nc = SmsActivate::Client.new(k)\nc.obtain_number 'vk'\n",
            "getNumber",
        ),
    ],
)
def test_methods_of_client_libraries(name: str, text: str, action: str) -> None:
    """By what their names say, since their source is elsewhere."""
    assert sites(**{name: text})[1:] == [(3, "wrapper", action)]


def test_other_methods_of_a_client_library_are_not_counted() -> None:
    """What has nothing to do with an action is no call of it."""
    text = "from smsactivate.api import X\nsa = X(k)\nsa.debug()\nsa.log.write(1)\nos.get_status()\n"
    assert sites(a_py=text) == [(1, "sdk", "")]


def test_the_groups_and_the_advice() -> None:
    """Calls are grouped by what they go through, and too many direct ones ask for a wrapper first."""
    found = inventory(shop__gate_py=WRAPPER, use_py="from shop.gate import balance\nbalance()\nbalance()\n")
    assert [(group.wrapper, group.calls, group.files) for group in found.groups] == [
        ("", 3, ("shop/gate.py",)),
        ("shop/gate.py", 2, ("use.py",)),
    ]
    assert found.advice == "all 3 direct calls are in shop/gate.py: change the address there"
    line = f"get('{URL}?action=getBalance')\n"
    few = inventory(a_py=line * 6, b_py=line * 6)
    many = inventory(a_py=line * 7, b_py=line * 6)
    assert few.advice == "12 direct calls in 2 files: few enough to change one by one"
    assert many.advice.startswith(
        "13 direct calls in 2 files, more than a dozen: put them behind one wrapper first"
    )
    assert inventory(a_md="sms-activate.org").advice == "no file calls the API directly"
