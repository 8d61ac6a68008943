"""What a client says: the calls of one lease, or reads alone, each with the beginning of a right reply."""

from collections.abc import Generator

type Step = tuple[str, bytes]
"""A query, and what a right reply to it begins with."""

type Script = Generator[Step, bytes, None]
"""Yields steps and is sent the reply to each."""

KEY = "bench-client-key"

POLLS = 8
"""``getStatus`` calls of a lease; the last one finds the code."""

LEASE_CALLS = POLLS + 2


def lease() -> Script:
    """One lease, as most clients walk it: buy, poll, read the code, finish. Ten calls."""
    reply = yield "action=getNumber&service=tg&country=6", b"ACCESS_NUMBER:"
    lease_id = reply.split(b":")[1].decode()
    for _ in range(POLLS - 1):
        yield f"action=getStatus&id={lease_id}", b"STATUS_WAIT_CODE"
    yield f"action=getStatus&id={lease_id}&poll=last", b"STATUS_OK:"
    yield f"action=setStatus&status=6&id={lease_id}", b"ACCESS_ACTIVATION"


def reads() -> Script:
    """Calls that may be shadowed: they neither buy, nor change, nor name a lease."""
    yield "action=getBalance", b"ACCESS_BALANCE:"
    yield "action=getPrices&service=tg&country=6", b"{"
    yield "action=getNumbersStatus&country=6", b"{"


REPLIES = {
    "getBalance": "ACCESS_BALANCE:17.154",
    "getPrices": '{"6":{"tg":{"cost":0.3,"count":8141,"physicalCount":8011}}}',
    "getNumbersStatus": '{"tg_0":"8141","wa_0":"702","vk_0":"76","av_0":"244"}',
    "getStatus": "STATUS_WAIT_CODE",
    "setStatus": "ACCESS_ACTIVATION",
}
"""What an upstream of the bench answers; it keeps no state."""

LAST_POLL = "STATUS_OK:123456"
PHONE = "79584123456"
