import pytest

from tests.sim.counter import Counter


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def lease_id(counter) -> str:
    return counter.buy()


def test_status_follows_the_life_of_a_lease(counter, lease_id):
    """Waiting, the code, waiting for another with the old one shown, the new one, and cancelled after the end."""
    assert counter.text("getStatus", id=lease_id) == "STATUS_WAIT_CODE"
    counter.advance(10)
    first = counter.books.lease(lease_id).code
    assert counter.text("getStatus", id=lease_id) == f"STATUS_OK:{first}"
    assert counter.text("setStatus", id=lease_id, status=3) == "ACCESS_RETRY_GET"
    assert counter.text("getStatus", id=lease_id) == f"STATUS_WAIT_RETRY:{first}"
    counter.advance(10)
    second = counter.books.lease(lease_id).code
    assert counter.text("getStatus", id=lease_id) == f"STATUS_OK:{second}" != f"STATUS_OK:{first}"
    assert counter.text("setStatus", id=lease_id, status=6) == "ACCESS_ACTIVATION"
    assert counter.text("getStatus", id=lease_id) == "STATUS_CANCEL"


def test_the_id_may_travel_as_activation_id(counter, lease_id):
    """Both spellings name the lease."""
    assert counter.text("getStatus", activationId=lease_id) == "STATUS_WAIT_CODE"
    assert counter.text("setStatus", activationId=lease_id, status=1) == "ACCESS_READY"


def test_a_cancel_is_early_then_accepted_then_too_late():
    """8 is refused for two minutes, then gives the number back; a second one is a bad status."""
    counter = Counter(success=0)
    lease_id = counter.buy()
    assert counter.text("setStatus", id=lease_id, status=8) == "EARLY_CANCEL_DENIED"
    counter.advance(120)
    assert counter.text("setStatus", id=lease_id, status=8) == "ACCESS_CANCEL"
    assert counter.text("setStatus", id=lease_id, status=8) == "BAD_STATUS"
    assert counter.text("getStatus", id=lease_id) == "STATUS_CANCEL"


def test_minus_one_cancels_where_it_is_known(counter, lease_id):
    """The 2017 documentation's -1 is a cancel, for dialects that have it."""
    counter.advance(5)
    counter.become(minimum_hold=0)
    assert counter.text("setStatus", id=lease_id, status=-1) == "ACCESS_CANCEL"
    counter.become(dialect="sms-activate")
    assert counter.text("setStatus", id=lease_id, status=-1) == "BAD_STATUS"


@pytest.mark.parametrize(
    ("dialect", "word"),
    [("generic", "BAD_STATUS"), ("herosms", "OTP_RECEIVED"), ("daisysms", "ACCESS_READY")],
)
def test_a_cancel_after_the_code_has_each_dialects_word(dialect, word):
    """The code came: the cancel is refused, whatever the word."""
    counter = Counter(dialect=dialect)
    lease_id = counter.data("getNumberV2", service="tg", country=6)["activationId"]
    counter.advance(200)
    assert word in counter.text("setStatus", id=lease_id, status=8)
    assert counter.books.lease(str(lease_id)).open


def test_finishing_without_a_code_is_billed_or_refused(counter, lease_id):
    """SMS-Activate takes a 6 before any code and keeps the money; HeroSMS refuses it."""
    assert counter.text("setStatus", id=lease_id, status=6) == "ACCESS_ACTIVATION"
    counter.advance(5000)
    assert counter.books.refunded == 0
    hero = Counter(dialect="herosms")
    number = hero.data("getNumberV2", service="tg", country=6)["activationId"]
    answer = hero.answer("setStatus", id=number, status=6)
    assert (answer.status, answer.word) == (400, "BAD_STATUS")


@pytest.mark.parametrize("status", ["", "4", "7", "x"])
def test_an_unknown_status_is_bad(counter, lease_id, status):
    """Only the documented values are known."""
    assert counter.text("setStatus", id=lease_id, status=status) == "BAD_STATUS"


def test_the_lesser_statuses_have_their_words(counter, lease_id):
    """1 before the code, 2 for no need of one; 3 needs a code."""
    assert counter.text("setStatus", id=lease_id, status=2) == "SMS_ADDED"
    assert counter.text("setStatus", id=lease_id, status=3) == "BAD_STATUS"
    counter.advance(10)
    assert counter.text("setStatus", id=lease_id, status=1) == "BAD_STATUS"


@pytest.mark.parametrize("action", ["finishActivation", "cancelActivation"])
def test_herosms_own_writes_answer_204(action):
    """finishActivation and cancelActivation have no body."""
    counter = Counter(minimum_hold=0, success=0)
    answer = counter.answer(action, id=counter.buy())
    assert (answer.status, answer.text) == (204, "")


def test_status_v2_has_the_message_once_it_came(counter, lease_id):
    """sms is null before, and holds code and text after; an ended lease is a word."""
    assert counter.data("getStatusV2", id=lease_id) == {"verificationType": 0, "sms": None, "call": None}
    counter.advance(10)
    code = counter.books.lease(lease_id).code
    assert counter.data("getStatusV2", id=lease_id)["sms"] == {
        "dateTime": "2023-11-14 22:13:30",
        "code": code,
        "text": f"Your code is {code}",
    }
    counter.text("setStatus", id=lease_id, status=6)
    assert counter.text("getStatusV2", id=lease_id) == "STATUS_CANCEL"


def test_status_v2_takes_several_ids_as_resellers_do(counter, lease_id):
    """id=a,b answers a map of id to status."""
    other = counter.buy()
    counter.advance(10)
    answer = counter.data("getStatusV2", id=f"{lease_id},{other},77")
    assert list(answer) == [lease_id, other, "77"]
    assert answer[lease_id].startswith("STATUS_OK:")
    assert answer["77"] == "NO_ACTIVATION"


def test_the_full_text_of_a_message(counter, lease_id):
    """getFullSms waits, then has the text; getAllSms lists every message."""
    assert counter.text("getFullSms", id=lease_id) == "STATUS_WAIT_CODE"
    counter.advance(10)
    code = counter.books.lease(lease_id).code
    assert counter.text("getFullSms", id=lease_id) == f"FULL_SMS:Your code is {code}"
    answer = counter.data("getAllSms", id=lease_id)
    assert (answer["meta"]["total"], answer["data"][0]["code"]) == (1, code)
    counter.text("setStatus", id=lease_id, status=6)
    assert counter.text("getFullSms", id=lease_id) == "STATUS_CANCEL"


def test_daisysms_tells_the_text_in_a_header():
    """X-Text comes with the code when text=1 asks for it."""
    counter = Counter(dialect="daisysms")
    lease_id = counter.buy()
    assert counter.answer("getStatus", id=lease_id, text=1).headers == ()
    counter.advance(10)
    code = counter.books.lease(lease_id).code
    assert counter.answer("getStatus", id=lease_id, text=1).headers == (("X-Text", f"Your code is {code}"),)
    assert counter.answer("getStatus", id=lease_id).headers == ()


def test_an_extra_activation_can_be_looked_up_beforehand(counter, lease_id):
    """checkExtraActivation tells the price of a finished number."""
    assert counter.text("checkExtraActivation", activationId=lease_id) == "NEW_ACTIVATION_IMPOSSIBLE"
    counter.advance(10)
    counter.text("setStatus", id=lease_id, status=6)
    answer = counter.data("checkExtraActivation", activationId=lease_id)
    assert (answer["status"], answer["cost"], answer["service"], answer["country"]) == (
        "success",
        0.2,
        "tg",
        6,
    )


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("getIncomingCallStatus", {"status": "2", "phone": False}),
        ("getOutgoingCalls", {"status": "success", "calls": []}),
        ("createTaskForCall", {"status": "success"}),
        ("parseCall", {"result": "OK"}),
        ("reactivationPrice", {"status": "success", "price": 0.2}),
        ("reactivateOptions", {"data": [{"duration": 20, "price": 0.2}]}),
        ("prolongOptions", {"data": [{"duration": 20, "price": 0.2}]}),
        ("prolongHistory", {"data": []}),
    ],
)
def test_rarer_actions_of_a_lease_are_json(counter, lease_id, action, answer):
    """Each has its object for a lease that is known, and the unknown lease's word otherwise."""
    assert counter.data(action, id=lease_id) == answer
    assert counter.text(action, id=77) == "NO_ACTIVATION"


@pytest.mark.parametrize("action", ["keep", "setAutoRenew"])
def test_daisysms_keepers_answer_ok(counter, lease_id, action):
    """OK for a known lease, BAD_ID otherwise."""
    assert counter.text(action, id=lease_id) == "OK"
    assert counter.text(action, id=77) == "BAD_ID"


@pytest.mark.parametrize("action", ["getStatus", "setStatus"])
def test_an_unknown_lease_is_counted_as_foreign(counter, action):
    """The books tell calls that came to the wrong provider."""
    assert counter.text(action, id=77, status=8) == "NO_ACTIVATION"
    assert counter.books.foreign == 1
