"""Policies, profiles and keys from files and the environment, and what is said when they are not there."""

import re
from pathlib import Path
from typing import Any

import pytest
import trustme

from canary.core.model import Arm
from canary.core.policy.load import PolicyError, policy_hash
from canary.gateway.config import SHIPPED, Loaded, Secrets, load, resolve, resolve_webhooks
from tests.factories import NEW_KEY, OLD_KEY
from tests.rig import ENVIRON, policy, written

URL = "http://127.0.0.1:9/stubs/handler_api.php"


def loaded(folder: Path, **changes: Any) -> Loaded:
    return load(written(folder, policy(URL, URL, **changes)))


def secrets(folder: Path, environ: dict[str, str] | None = None, **changes: Any) -> Secrets:
    return resolve(loaded(folder, **changes), ENVIRON if environ is None else environ)


# --- secrets ------------------------------------------------------------------------------------------------------


def test_keys_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """By reference, without the white space around them; or they are the client's own."""
    (tmp_path / "key").write_text(f"  {NEW_KEY}\n")
    found = secrets(
        tmp_path, {"OLD_SMS_KEY": f"{OLD_KEY} "}, new={"api_key": {"file": str(tmp_path / "key")}}
    )
    assert found.keys == {Arm.OLD: OLD_KEY, Arm.NEW: NEW_KEY}
    assert secrets(tmp_path, new={"api_key": "passthrough"}).keys[Arm.NEW] is None


def test_only_secrets_are_kept_out_of_texts(tmp_path: Path) -> None:
    """A header that stands in the policy is none: hiding a "1" would make every log line unreadable."""
    environ = {**ENVIRON, "HEADER": "header-secret"}
    headers = {"X-Sandbox-Mode": "1", "X-Token": {"env": "HEADER"}}
    found = secrets(tmp_path, environ, new={"headers": headers})
    assert found.literals == {OLD_KEY, NEW_KEY, "header-secret"}
    assert found.headers[Arm.NEW] == (("X-Sandbox-Mode", "1"), ("X-Token", "header-secret"))


def test_secrets_show_none_of_themselves(tmp_path: Path) -> None:
    """Neither when printed nor when quoted in an error."""
    found = secrets(tmp_path)
    assert OLD_KEY not in f"{found!r} {found}"


@pytest.mark.parametrize(
    ("changes", "environ", "expected"),
    [
        ({}, {"NEW_SMS_KEY": "x"}, "arms.old.api_key: the environment variable OLD_SMS_KEY is not set"),
        (
            {},
            {"OLD_SMS_KEY": "x", "NEW_SMS_KEY": " "},
            "arms.new.api_key: the environment variable NEW_SMS_KEY is not",
        ),
        (
            {"new": {"api_key": {"file": "/no/such"}}},
            ENVIRON,
            "arms.new.api_key: the key file /no/such cannot be read",
        ),
        (
            {"new": {"api_key": {"file": "/dev/null"}}},
            ENVIRON,
            "arms.new.api_key: the key file /dev/null is empty",
        ),
        (
            {"new": {"headers": {"X-T": {"env": "NONE"}}}},
            ENVIRON,
            "arms.new.headers.X-T: the environment variable NONE",
        ),
    ],
)
def test_a_missing_secret_is_said_with_its_place(
    tmp_path: Path, changes: dict[str, Any], environ: dict[str, str], expected: str
) -> None:
    """File, line, key, and what to do."""
    with pytest.raises(PolicyError) as caught:
        secrets(tmp_path, environ, **changes)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'policy.yaml'}:")


@pytest.mark.parametrize("value", ["key with\nnewline", "key\0", "\u043a\u043b\u044e\u0447"])
def test_a_secret_that_no_header_can_carry_is_refused(tmp_path: Path, value: str) -> None:
    """At the start, not with every call; and it is not repeated in the message."""
    environ = {**ENVIRON, "HEADER": value}
    for changes in (
        {"new": {"headers": {"X-T": {"env": "HEADER"}}}},
        {"new": {"api_key": {"env": "HEADER"}}},
    ):
        with pytest.raises(PolicyError, match=r"arms\.new\..*: .*HEADER") as caught:
            secrets(tmp_path, environ, **changes)
        assert value not in str(caught.value)


@pytest.mark.parametrize("headers", [{"X Y": "1"}, {"X-A": "a\nb"}, {"": "1"}])
def test_a_header_that_cannot_be_sent_is_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    """With its place in the policy."""
    with pytest.raises(PolicyError, match=r"policy\.yaml:\d+: arms\.new\.headers"):
        secrets(tmp_path, new={"headers": headers})


# --- files --------------------------------------------------------------------------------------------------------


def test_a_policy_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """No file, a folder, no text."""
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name, why in (
        ("none.yaml", "No such file"),
        ("", "Is a directory"),
        ("binary.yaml", "it is not UTF-8 text"),
    ):
        with pytest.raises(PolicyError, match=f"the policy cannot be read: {why}"):
            load(tmp_path / name)


def test_a_policy_without_a_name_has_its_files(tmp_path: Path) -> None:
    """The rollout is then called like the file."""
    content = policy(URL, URL)
    del content["name"]
    assert load(written(tmp_path, content)).policy.name == "policy"


def test_profiles_are_found_beside_the_policy_first(tmp_path: Path) -> None:
    """A path, then the policy's own folder, then those that are shipped."""
    (tmp_path / "providers").mkdir()
    profile = "name: mine\ntitle: Mine\nlifetime: 7m\n"
    (tmp_path / "providers" / "herosms.yaml").write_text(profile)
    (tmp_path / "mine.yaml").write_text(profile)
    for provider, lifetime in (("herosms", 420.0), ("mine.yaml", 420.0), ("sms-activate", 1200.0)):
        assert loaded(tmp_path, new={"provider": provider}).profiles[Arm.NEW].lifetime == lifetime


def test_a_profiles_lifetime_is_part_of_what_is_judged_by(tmp_path: Path) -> None:
    """Leases mature at the longer lifetime, and its edit is an edit of the policy; a maturity of its own goes first."""
    profile = tmp_path / "mine.yaml"
    profile.write_text("name: mine\ntitle: Mine\nlifetime: 30m\n")
    mine = {"provider": "mine.yaml"}
    before = loaded(tmp_path, new=mine).policy
    assert before.maturity == 1800.0
    profile.write_text("name: mine\ntitle: Mine\nlifetime: 40m\n")
    assert policy_hash(loaded(tmp_path, new=mine).policy) != policy_hash(before)
    assert loaded(tmp_path, new=mine, maturity="5m").policy.maturity == 300.0


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (
            "smsactivate",
            r"policy\.yaml:\d+: arms\.new\.provider: no profile named smsactivate; expected one of .*sms-",
        ),
        ("none.yaml", r"none\.yaml: the provider profile cannot be read: No such file"),
        ("bad.yaml", r"bad\.yaml:1: lifetme: unknown key"),
    ],
)
def test_a_profile_that_cannot_be_used_is_said(tmp_path: Path, provider: str, expected: str) -> None:
    """Which one, and what there is."""
    (tmp_path / "bad.yaml").write_text("lifetme: 7m\nname: a\ntitle: b\n")
    with pytest.raises(PolicyError, match=expected):
        loaded(tmp_path, new={"provider": provider})


def test_every_shipped_profile_can_be_named(tmp_path: Path) -> None:
    """By its file's name, which is the name that it says."""
    for path in SHIPPED.glob("providers/*.yaml"):
        headers = {"X-API-USERNAME": {"env": "NEW_SMS_USER"}}
        arm = {"url": "https://new.example/v1", "provider": path.stem, "headers": headers}
        assert loaded(tmp_path, new=arm).profiles[Arm.NEW].name == path.stem


def test_a_provider_is_told_whose_key_it_is(tmp_path: Path) -> None:
    """Where the key does not tell the account, a policy without the header that does names it."""
    with pytest.raises(
        PolicyError, match=r"policy\.yaml:\d+: arms\.new\.headers: .*X-API-USERNAME: {env: NAME}}"
    ):
        loaded(tmp_path, new={"url": "https://new.example/v1", "provider": "textverified"})


def test_an_api_of_its_own_is_not_at_a_handler_api_address(tmp_path: Path) -> None:
    """A URL that was left from another provider is named, with what is expected."""
    expected = (
        r"policy\.yaml:\d+: arms\.new\.url: the profile 5sim-native speaks 5sim v1, .* no handler_api\.php"
    )
    with pytest.raises(PolicyError, match=expected):
        loaded(tmp_path, new={"provider": "5sim-native"})


def test_a_profile_of_an_unknown_dialect_names_the_known_ones(tmp_path: Path) -> None:
    """With file, line and key."""
    (tmp_path / "own.yaml").write_text("name: own\ntitle: Own\ndialect: esperanto\n")
    expected = (
        r"own\.yaml:3: dialect: there is no dialect esperanto; expected one of handler_api, 5sim-native, "
    )
    with pytest.raises(PolicyError, match=expected):
        loaded(tmp_path, new={"provider": "./own.yaml"})


# --- certificate authorities ----------------------------------------------------------------------------------------


def test_a_ca_file_is_looked_for_beside_the_policy(tmp_path: Path) -> None:
    """Relative to the policy's folder."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    assert loaded(tmp_path, new={"ca": "ca.pem"}).ca_file(Arm.NEW) == tmp_path / "ca.pem"
    assert loaded(tmp_path).ca_file(Arm.NEW) is None


@pytest.mark.parametrize("name", ["none.pem", "junk.pem", "."])
def test_a_ca_file_that_cannot_be_used_is_said(tmp_path: Path, name: str) -> None:
    """With its place in the policy, before anything is started."""
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(PolicyError, match=r"policy\.yaml:\d+: arms\.new\.ca: .*" + name):
        loaded(tmp_path, new={"ca": name})


# --- shadow leases ------------------------------------------------------------------------------------------------


def test_a_sandbox_must_be_one(tmp_path: Path) -> None:
    """Without a header of the provider's, a purchase in its sandbox would be one for money."""
    with pytest.raises(
        PolicyError, match=r"shadow\.leases: the profile generic names no sandbox_header, so a shadow"
    ):
        loaded(tmp_path, shadow={"leases": "sandbox"})
    assert loaded(tmp_path, shadow={"leases": "sandbox"}, new={"provider": "verifysms"})


@pytest.mark.parametrize(
    "shadow", [{"leases": "sandbox"}, {"leases": "live", "budget": {"run": "$1", "day": "$1"}}]
)
def test_shadow_leases_need_a_key_of_news_own(tmp_path: Path, shadow: dict[str, Any]) -> None:
    """Nothing is bought on a client's account for a comparison."""
    with pytest.raises(PolicyError, match=r"shadow\.leases: shadow leases are bought with new's own key"):
        loaded(tmp_path, shadow=shadow, new={"provider": "verifysms", "api_key": "passthrough"})


# --- webhooks -----------------------------------------------------------------------------------------------------

HOOKS = {
    "listen": "127.0.0.1:0",
    "arms": {"new": {"token": {"env": "NEW_HOOK"}, "sources": "any"}},
    "forward": {
        "url": {"env": "CLIENT_HOOK"},
        "headers": {"X-Token": {"env": "CLIENT_TOKEN"}, "X-Team": "sms"},
    },
}
HOOK_ENVIRON = {"NEW_HOOK": "n" * 24, "CLIENT_HOOK": "https://client/sms?t=1", "CLIENT_TOKEN": "client-token"}


def test_the_secrets_of_webhooks_come_from_the_environment(tmp_path: Path) -> None:
    """Tokens, the client's address and its headers; each is kept out of texts."""
    found = resolve_webhooks(loaded(tmp_path, webhooks=HOOKS), HOOK_ENVIRON)
    assert found.tokens == {Arm.NEW: "n" * 24}
    assert found.url == "https://client/sms?t=1"
    assert dict(found.headers) == {"X-Token": "client-token", "X-Team": "sms"}
    assert found.literals == set(HOOK_ENVIRON.values())
    assert not any(secret in repr(found) for secret in HOOK_ENVIRON.values())
    assert resolve_webhooks(loaded(tmp_path), {}).tokens == {}


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"NEW_HOOK": ""}, "webhooks.arms.new.token: the environment variable NEW_HOOK is not set"),
        ({"NEW_HOOK": "short"}, "webhooks.arms.new.token: what it refers to is no token"),
        ({"NEW_HOOK": "a/b" * 10}, "webhooks.arms.new.token: what it refers to is no token"),
        ({"CLIENT_HOOK": "nonsense"}, "webhooks.forward.url: what it refers to is no http or https URL"),
    ],
)
def test_a_webhook_secret_that_cannot_be_used_is_told(
    tmp_path: Path, environ: dict[str, str], sentence: str
) -> None:
    """With its place in the policy, and without the secret."""
    with pytest.raises(PolicyError, match=re.escape(sentence)) as caught:
        resolve_webhooks(loaded(tmp_path, webhooks=HOOKS), HOOK_ENVIRON | environ)
    assert not any(secret and secret in str(caught.value) for secret in environ.values())


def test_nobody_is_let_in_by_a_token_alone_unless_one_says_so(tmp_path: Path) -> None:
    """A profile that knows no addresses asks for them; one that does has them as the default."""
    bare = {"listen": "127.0.0.1:0", "arms": {"old": {"token": {"env": "OLD_HOOK"}}}}
    with pytest.raises(PolicyError, match=r"webhooks\.arms\.old: the profile generic names no addresses"):
        loaded(tmp_path, webhooks=bare)
    known = loaded(tmp_path, webhooks=bare, old={"provider": "sms-activate"})
    assert known.profiles[Arm.OLD].webhook_sources == ("188.42.218.183", "142.91.156.119")
