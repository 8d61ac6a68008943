"""Text to policy: every problem with its file, line, key and expectation, and never a secret or a traceback."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.policy.load import PolicyError, line_of, parse_policy, parse_profile, policy_hash
from canary.core.policy.model import Policy
from tests.core.policy.test_model import ARMS, SAMPLE

HEAD = "name: p\n" + ARMS


def refusal(text: str) -> str:
    with pytest.raises(PolicyError) as error:
        parse_policy(text, "p.yaml")
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.yaml:1: expected a mapping of keys to values, found nothing"),
        ("# nothing\n", "p.yaml:1: expected a mapping of keys to values, found nothing"),
        ("- a", "p.yaml:1: expected a mapping of keys to values, found a list"),
        ("just text", "p.yaml:1: expected a mapping of keys to values, found a str"),
        (HEAD + "stages: [", "p.yaml:5:10: not valid YAML: expected the node content"),
        (HEAD + "a: b: c", "p.yaml:5:5: not valid YAML: mapping values are not allowed here"),
        (HEAD + "\tmode: reverse", "p.yaml:5:1: not valid YAML: found character"),
        (HEAD + "mode: 'reverse", "p.yaml:5:15: not valid YAML: found unexpected end of stream"),
        (HEAD + "---\nname: q", "p.yaml:5:1: not valid YAML: but found another document"),
        (HEAD + "mode: \x07", "p.yaml:5: not valid YAML: it holds a character that YAML does not allow"),
        (HEAD + "? [a]\n: b", "p.yaml:5:3: not valid YAML: found unhashable key"),
        ("{" * 10_000, "p.yaml: not valid YAML: it is nested too deeply"),
        (
            HEAD + "maturity: " + "9" * 6000,
            "p.yaml: not valid YAML: it is nested too deeply, or a number is too long",
        ),
    ],
    ids=lambda value: value[-30:] if isinstance(value, str) else "",
)
def test_broken_yaml(text: str, message: str) -> None:
    """The place where YAML breaks and what is wrong there, in one sentence."""
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "api_key: *s3cret",
        "api_key: !s3cret x",
        "api_key: &s3cret *s3cret",
        "%s3cret\n",
        'a: "\\s3cret"',
        "&s3cret",
    ],
)
def test_broken_yaml_does_not_repeat_what_may_be_a_key(text: str) -> None:
    """A key that YAML takes for an alias, a tag or a directive is not shown."""
    assert "s3cret" not in refusal(HEAD + text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: q\n", "p.yaml:5: name: the key is written twice; keep one of them"),
        (
            "shadow: {queue: 1, queue: 2}\n",
            "p.yaml:5: shadow.queue: the key is written twice; keep one of them",
        ),
        (
            "stages:\n  - {name: a,\n     weight: 0, weight: 1}",
            "p.yaml:7: stages[0].weight: the key is written twice",
        ),
    ],
)
def test_a_key_written_twice(text: str, message: str) -> None:
    """YAML would silently take the last one."""
    assert refusal(HEAD + text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stagess: []", "p.yaml:5: stagess: unknown key; did you mean stages?"),
        ("shadow: {timeuot: 5s}", "p.yaml:5: shadow.timeuot: unknown key; did you mean timeout?"),
        ("gates: {lease_sucess: }", "p.yaml:5: gates.lease_sucess: unknown key; did you mean lease_success?"),
        (
            "gates:\n  acquire: {margn: 2pp}",
            "p.yaml:6: gates.acquire.margn: unknown key; did you mean margin?",
        ),
        (
            "stages:\n- {name: a, weight: 0}\n- {name: b, wieght: 1}",
            "p.yaml:7: stages[1].weight: the key is missing",
        ),
        (
            "judging: {zzz: 1}",
            "p.yaml:5: judging.zzz: unknown key; expected one of epoch, tick, warmup_leases",
        ),
        ("zzz: 1", "p.yaml:5: zzz: unknown key; expected one of arm_header, arms, balance"),
        ("1: 2", "p.yaml:"),
    ],
)
def test_unknown_keys(text: str, message: str) -> None:
    """The line of the key, and the one that was probably meant or those that there are."""
    assert refusal(HEAD + text).startswith(message)


def test_a_misspelt_key_of_an_item_is_named_too() -> None:
    """One message for what is missing, one for what is there instead."""
    messages = refusal(HEAD + "stages:\n- {name: a, wieght: 1}").splitlines()
    assert messages == [
        "p.yaml:6: stages[0].weight: the key is missing",
        "p.yaml:6: stages[0].wieght: unknown key; did you mean weight?",
    ]


def test_all_problems_are_told_at_once_and_in_order() -> None:
    """One line per problem, from the top of the file to its end."""
    text = (
        "name: a b\narms:\n  old: {url: x}\nmode: x\nstages:\n  - {name: a, weight: 200%}\nmaturity: soon\n"
    )
    lines = [line.split(": ")[:2] for line in refusal(text).splitlines()]
    assert [f"{place.removeprefix('p.yaml:')} {key}" for place, key in lines] == [
        "1 name",
        "2 arms.new",
        "3 arms.old.url",
        "4 mode",
        "6 stages[0].weight",
        "7 maturity",
    ]


@pytest.mark.parametrize("value", ["010", "1_000", "0x10", "1:30", "0b1", "0o7"])
def test_numbers_are_not_guessed(value: str) -> None:
    """YAML 1.1 reads clock times and octals into them; here they are no numbers."""
    assert "maturity: expected a duration" in refusal(HEAD + f"maturity: {value}")


@pytest.mark.parametrize(
    ("value", "seconds"), [("90", 90), ("1.5", 1.5), ("+5", 5), ("1e2", 100), (".5", 0.5), ("0.5", 0.5)]
)
def test_plain_numbers_are_numbers(value: str, seconds: float) -> None:
    """Whole, fractional and in powers of ten."""
    assert parse_policy(HEAD + f"maturity: {value}", "p").maturity == seconds


def test_off_is_a_word() -> None:
    """``leases: off`` needs no quotes, and yes and no still switch what is switched."""
    assert parse_policy(HEAD + "shadow: {leases: off}", "p").shadow.leases == "off"
    assert parse_policy(HEAD + "spillover: no", "p").spillover is False
    assert parse_policy(HEAD + "recover_lost: on", "p").recover_lost is True


def test_the_name_comes_from_the_text_or_from_outside() -> None:
    """A policy without a name takes the one that it is given."""
    assert parse_policy(ARMS, "p.yaml", "given").name == "given"
    assert parse_policy(HEAD, "p.yaml", "given").name == "p"
    assert refusal(ARMS) == "p.yaml:1: name: the key is missing"


def test_the_hash_is_of_the_meaning() -> None:
    """Comments, order and notation do not change it; a margin does."""
    one = parse_policy(HEAD + "maturity: 20m\nshadow: {leases: live, budget: {run: $1.50, day: $2}}", "p")
    same = parse_policy(
        "# x\nshadow: {budget: {day: 2.00, run: 1.5}, leases: live}\nmaturity: 1200\n" + HEAD, "q"
    )
    other = parse_policy(HEAD + "gates: {lease_success: {margin: 2.1pp}}", "p")
    assert policy_hash(one) == policy_hash(same)
    assert len({policy_hash(one), policy_hash(other), policy_hash(parse_policy(HEAD, "p"))}) == 3
    assert re.fullmatch("[0-9a-f]{12}", policy_hash(one))


def test_lines_are_found_by_path() -> None:
    """The line of a key, or of the closest thing around it."""
    assert line_of(SAMPLE, ("arms", "new", "api_key")) == 12
    assert line_of(SAMPLE, ("arms", "new", "timeout")) == 9
    assert line_of(SAMPLE, ("nowhere",)) == 1
    assert line_of("", ("name",)) == 1


def test_a_profile_is_refused_like_a_policy() -> None:
    """Profiles have the same messages."""
    with pytest.raises(PolicyError, match=r"x\.yaml:1: title: the key is missing"):
        parse_profile("name: x", "x.yaml")


def problems(text: str) -> list[str]:
    """What is wrong with a text, a line each; nothing for a good policy."""
    try:
        parse_policy(text, "p.yaml", "given")
    except PolicyError as error:
        return str(error).splitlines()
    return []


yaml_text = st.text(st.sampled_from("abn:[]{}-?!&*#%@'\"|>\n\t ,1.0~<s3cret") | st.characters(), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@given(yaml_text)
def test_any_text_is_a_policy_or_a_policy_error(text: str) -> None:
    """Whatever is in the file, it loads or is refused in words; nothing else is raised."""
    for whole in (text, HEAD + text):
        assert all(line.startswith("p.yaml") for line in problems(whole)[:1])


@given(st.sampled_from(sorted(Policy.model_fields)), values)
def test_any_value_of_any_key_is_read_or_refused_at_its_line(key: str, value: object) -> None:
    """A wrong value is refused at its own place, in words for readers and not of the library's."""
    others = [line for line in HEAD.splitlines() if not line.startswith("name")]
    text = "\n".join([f"{json.dumps(key)}: {json.dumps(value)}", *([] if key == "arms" else others)])
    for line in problems(text):
        assert line.startswith("p.yaml:1: ") or "not valid YAML" in line
        assert not re.search(r"[Ii]nput should|[Vv]alid (dict|tuple|list|string)|instance of", line)
