"""Keys are found, and never shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.toolkit.inventory.keys import looks_like_one, shown
from canary.toolkit.inventory.sarif import document
from tests.toolkit.inventory.small import URL, hazards, inventory

KEY = "4c1fA02d9b7e5630c8aa17fd21b96e44"
hexes = st.text("0123456789abcdef", min_size=32, max_size=32).filter(looks_like_one)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a_py", f"API_KEY = '{KEY}'"),
        ("a_py", f"get('{URL}?api_key={KEY}&action=getBalance')"),
        ("a_py", f"params = {{'api_key': '{KEY}'}}"),
        ("a_py", f"key = os.getenv('SMS_KEY', '{KEY}')"),
        ("a_py", f"sms = SmsActivate('{KEY}')"),
        ("a_js", f"const k = process.env.SMS_API_KEY || '{KEY}';"),
        ("a_ts", f"const apiKey: string = '{KEY}';"),
        ("a_php", f"define('SMS_KEY', '{KEY}');"),
        ("a_go", f'const token = "{KEY}"'),
        ("A_java", f'private final String API = "{KEY}";'),
        ("a_rb", f"KEY = '{KEY}'"),
        ("a_sh", f"SMS_KEY={KEY}"),
        ("a_env", f"SMS_API_KEY={KEY}"),
        ("a_yml", f"sms:\n  apiKey: {KEY}"),
        ("a_json", f'{{"sms_key": "{KEY}"}}'),
        ("a_md", f"    curl {URL}?api_key={KEY}"),
    ],
)
def test_keys_in_files(name: str, line: str) -> None:
    """Assigned, in an address, as a default, handed over, in settings; the finding does not hold the key."""
    text = f'u = "{URL}"\n{line}\n'
    assert hazards("hard-coded-key", **{name: text})
    assert KEY not in everything(**{name: text})


@pytest.mark.parametrize(
    "line",
    [
        "API_KEY = 'YOUR_API_KEY_HERE_1234567890'",
        "API_KEY = os.environ['SMS_KEY']",
        "get(f'{u}?api_key={key}&action=getBalance')",
        "API_KEY = '0000000000000000000000000000'",
        "API_KEY = 'example-key-0123456789abcdef'",
        "KEY_NAME = 'sms_activate_api_key_name'",
        f"TELEGRAM_TOKEN = '{KEY}'",
        f"JWT_SECRET = '{KEY}'",
    ],
)
def test_what_is_no_key_of_ours(line: str) -> None:
    """Placeholders, references, names, other services' keys."""
    assert hazards("hard-coded-key", a_py=f"u = '{URL}'\n{line}\n") == []


def test_settings_hold_keys_of_many_services() -> None:
    """In configuration only a key with the provider's name is ours."""
    text = f"sms:\n  url: {URL}\nmail:\n  apiKey: {KEY}\nAWS_SECRET_KEY: {KEY}\n"
    assert hazards("hard-coded-key", a_yml=text) == []


def everything(**texts: str) -> str:
    """All that is ever shown of a finding."""
    found = inventory(**texts)
    return json.dumps(document(found)) + "".join(
        f"{one.text} {getattr(one, 'message', '')}" for one in (*found.sites, *found.hazards)
    )


@given(hexes, st.sampled_from(["api_key", "apiKey", "token", "SMS_KEY", "k", "password", "x"]))
def test_no_key_is_ever_shown(key: str, name: str) -> None:
    """Wherever a key stands on a line that is shown, and whatever it is called, it is left out."""
    line = f"{name} = '{key}'; get('{URL}?{name}={key}&action=getNumber', {name}='{key}', v=['{key}'])"
    assert key not in everything(a_py=f"{line}\n# {key}\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  x = 1  ", "x = 1"),
        ("api_key='abc12345'", "api_key='[redacted]'"),
        ("'api_key', 'hunter'", "'api_key', '[redacted]'"),
        ("?api_key=abc12345&a=b", "?api_key=[redacted]&a=b"),
        ("?api_key={key}&a=b", "?api_key={key}&a=b"),
        ("?api_key=$key2&a=b", "?api_key=$key2&a=b"),
        ("api_key=self.key1", "api_key=self.key1"),
        ("{'api_key': self.k, 'action': 'getNumber'}", "{'api_key': self.k, 'action': 'getNumber'}"),
        ("a\tb\x1b[31m", "a b [31m"),
        ("x" * 200, "x" * 160 + "…"),
    ],
)
def test_a_line_for_people(line: str, expected: str) -> None:
    """Short, printable, with what is written out beside a key's name left out, and references kept."""
    assert shown(line, ()) == expected
