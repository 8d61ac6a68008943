"""What each difference would break: which real clients, and how.

Measured by answering public clients with each variation (protocol.md section 11); a client is named where its
name is known, and otherwise told by what it does.
"""

import re
from dataclasses import dataclass

from canary.core.compare.traits import UNKNOWN_ACTION, Aspect

NUMBER_ACTIONS = frozenset({"getNumber", "getAdditionalService", "getExtraActivation"})
SET_ACTIONS = frozenset({"setStatus", "finishActivation", "cancelActivation", "setRentStatus"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue; what it leaves open fits everything. The first row that fits is told.

    ``path``, ``old`` and ``new`` are patterns that the difference's own must hold.
    """

    kind: Aspect
    says: str
    new: str = ""
    path: str = ""
    old: str = ""
    actions: frozenset[str] = frozenset()

    def fits(self, action: str, kind: Aspect, path: str, old: str, new: str) -> bool:
        return (
            self.kind is kind
            and (not self.actions or action in self.actions)
            and all(
                re.search(pattern, text)
                for pattern, text in ((self.path, path), (self.old, old), (self.new, new))
            )
        )


_UNMAPPED = "|".join(sorted(UNKNOWN_ACTION))

CATALOGUE: tuple[Row, ...] = (
    # --- the outside
    Row(
        Aspect.STATUS,
        "An empty 204 is no answer to clients that wait for a word: one raises KeyError, one reports "
        "EMPTY_RESPONSE, one takes the write for rejected although it was carried out.",
        new=r"\b204\b",
    ),
    Row(
        Aspect.STATUS,
        "Most clients (pysmshub, aiosmsactivate, the npm clients and others) raise a transport error on an HTTP "
        "error status and lose the word in the body; the Java SDK dies with 'Not in GZIP format'. Only the "
        "smsactivate Python SDK and one other read the body all the same.",
        new=r"\b[45]\d\d\b",
    ),
    Row(
        Aspect.STATUS,
        "Clients that follow the HTTP status take errors for successes, or successes for errors.",
    ),
    Row(
        Aspect.CONTENT_TYPE,
        "A client that trusts the content type takes JSON served as text for text and fails with "
        "UNEXPECTED_RESPONSE; the others parse it all the same.",
        new="text|none",
        old="JSON",
    ),
    Row(
        Aspect.CONTENT_TYPE,
        "Clients that parse by content type try to read text as JSON and fail, or get an object where they "
        "split a text.",
        new="JSON",
    ),
    Row(Aspect.CONTENT_TYPE, "Clients that choose their parser by content type choose another one."),
    Row(
        Aspect.ENVELOPE,
        "The write was carried out, but clients that wait for a word see none: aiosmsactivate raises KeyError, "
        "one reports EMPTY_RESPONSE, one takes it for rejected.",
        new="empty body",
        actions=SET_ACTIONS,
    ),
    Row(
        Aspect.ENVELOPE,
        "Clients see no answer: IndexError, null, an empty string or a balance of 0.0, depending on the client.",
        new="empty body",
    ),
    Row(
        Aspect.ENVELOPE,
        "Clients look for the error word as text: the smsactivate Python SDK raises ValueError, the npm client a "
        "TypeError because axios has parsed the object already, aiosmsactivate a ValidationError.",
        new="JSON error",
        old="text",
    ),
    Row(
        Aspect.ENVELOPE,
        "Clients look for the error word in the field where old puts it and find none: an error passes for a "
        "success, or its reason is lost.",
        new="JSON error",
    ),
    Row(
        Aspect.ENVELOPE,
        "Clients that split the text at its colons find neither word nor value in an object.",
        new="^JSON$",
    ),
    Row(
        Aspect.ENVELOPE,
        "Clients that compare whole words or split at colons keep the quotes: the word is not recognised, ids "
        "and phones end in a quote.",
        new="quoted",
    ),
    Row(Aspect.ENVELOPE, "Clients that decode JSON fail on a plain text.", old="JSON"),
    Row(Aspect.ENVELOPE, "Clients that split the text at its colons read other fields."),
    Row(
        Aspect.WHITESPACE,
        "JSON parsers refuse a byte order mark, and a text no longer begins with its word.",
        new="byte order",
    ),
    Row(
        Aspect.WHITESPACE,
        "Clients that split without trimming (pysmshub and one more) hand out phone, code or balance with a "
        "newline at its end; an exact match of a word fails.",
    ),
    # --- words
    Row(
        Aspect.WORD,
        "new never gives a number back: what is not used stays billed until it expires. pysmshub, the npm client "
        "and one more return EARLY_CANCEL_DENIED as though the cancel had succeeded.",
        path="^status (8|-1):",
        new="^always",
    ),
    Row(
        Aspect.WORD,
        "new never accepts what old accepts here: the call has no effect there.",
        new="^always",
    ),
    Row(
        Aspect.WORD,
        "new does not know this action: every caller of it fails after the cutover. Find the callers first.",
        path=f"^({_UNMAPPED})",
    ),
    Row(
        Aspect.WORD,
        "new answers with nothing: IndexError, null, an empty string or a balance of 0.0, depending on the "
        "client; many clients repeat the call, and a repeated purchase buys a second number.",
        path="^EMPTY$",
    ),
    Row(
        Aspect.WORD,
        "No client knows this word here: it is an error to all that compare whole words, and the reason is lost.",
        new="^(unknown|caller HTTP_|provider HTML)",
        actions=frozenset({"getStatus", "getStatusV2", "setStatus"}),
    ),
    Row(
        Aspect.WORD,
        "No client can read this answer; on a purchase the number may have been bought and is lost.",
        new="^(unknown|caller HTTP_|provider HTML)",
    ),
    Row(
        Aspect.WORD,
        "The code behind STATUS_WAIT_RETRY is the previous one; a client that waits for any code takes it for the "
        "new one and submits an old code.",
        path="^STATUS_WAIT_RETRY",
    ),
    Row(
        Aspect.WORD,
        "pysmshub raises an error on STATUS_WAIT_RESEND and gives the lease up while it still waits.",
        path="^STATUS_WAIT_RESEND",
    ),
    Row(
        Aspect.WORD,
        "The smsactivate Python SDK and one other treat STATUS_CANCEL as an error: the lease is given up.",
        path="^STATUS_CANCEL",
    ),
    Row(
        Aspect.WORD,
        "aiosmsactivate raises KeyError on ACCESS_CANCEL_ALREADY, the Java SDK and two others reject it; the "
        "rest hand it on as a success.",
        path="^(ACCESS_CANCEL_ALREADY|ALREADY_CANCEL)",
    ),
    Row(
        Aspect.WORD,
        "pysmshub, the npm client and one more return EARLY_CANCEL_DENIED as though the cancel had succeeded: "
        "the number stays billed until it expires.",
        path="^EARLY_CANCEL_DENIED",
    ),
    Row(
        Aspect.WORD,
        "Clients with a table of exact words do not find one that is followed by details: the smsactivate Python "
        "SDK crashes, the npm client returns null, one raises IndexError.",
        path=":…$",
    ),
    Row(
        Aspect.WORD,
        "new accepts what old refuses: clients that rely on the refusal go on with a call that means something "
        "else there.",
        new="^ok ",
        old="^(caller|state|account)",
    ),
    Row(
        Aspect.WORD,
        "Clients that know old's words take this success for an error, or hand it on as a value.",
        new="^ok ",
    ),
    Row(
        Aspect.WORD,
        "new's account does not accept the calls: check its key, funds and limits before anyone is moved.",
        new="^account ",
    ),
    Row(
        Aspect.WORD,
        "new has answered this action with nothing else: it does not serve it, or not with these parameters.",
        new="^(provider|limit) ",
    ),
    Row(
        Aspect.WORD,
        "new refuses in this state what old allows, or words the refusal so that clients do not recognise it.",
        new="^state ",
    ),
    Row(
        Aspect.WORD,
        "new refuses calls that old serves: their parameters (country, service, status) mean nothing or "
        "something else there.",
        new="^caller ",
    ),
    Row(Aspect.WORD, "Clients that compare whole words do not recognise this one."),
    Row(
        Aspect.PARTS,
        "Clients that split a fixed number of times glue the extra field to the phone (79991234567:0.35).",
        actions=NUMBER_ACTIONS,
        new="[4-9]",
    ),
    Row(
        Aspect.PARTS,
        "Clients that compare the whole text do not recognise it, and those that split it read another field.",
    ),
    Row(
        Aspect.CODE,
        "Four of the clients (pysmshub, aiosmsactivate and the npm clients) cut the code at its colon and submit "
        "half of it.",
        new="colon",
    ),
    Row(
        Aspect.CODE,
        "Clients that search the whole answer for error words (the npm client and one more) raise an error "
        "instead of handing out the code.",
    ),
    # --- values
    Row(
        Aspect.ID,
        "Clients that read the id as a number fail after the purchase: ValueError in the smsactivate Python SDK, "
        "a parse error elsewhere; JavaScript's parseInt silently keeps a prefix or null, so that every later "
        "call names another lease; aiosmsactivate's V2 model refuses it.",
        new="text",
    ),
    Row(
        Aspect.ID,
        "JavaScript clients lose digits of such an id and ask for another lease; the Java SDK and every 32-bit "
        "reader fail after the number was bought.",
        new="above 2",
    ),
    Row(
        Aspect.ID,
        "Clients that parse the id as int32 (the Java SDK) fail after the purchase: the number is paid for and "
        "lost. 32-bit database columns overflow too.",
    ),
    Row(
        Aspect.PHONE,
        "Nobody crashes, but the number changes: the smsactivate Python SDK, the npm client and the Java SDK drop "
        "the plus because they read an integer, the others keep it, and look-ups by phone stop matching.",
        new=r"with \+",
    ),
    Row(
        Aspect.PHONE,
        "Nobody crashes, but numbers lose their plus: look-ups by phone and E.164 validation stop matching.",
    ),
    Row(
        Aspect.AMOUNT,
        "pysmshub looks for digits, a point and digits: a balance without decimals reads as 0.0, and callers "
        "stop buying for lack of funds.",
        new="whole",
    ),
    Row(
        Aspect.AMOUNT,
        "Three clients fail to read a decimal comma; JavaScript's parseFloat stops at it, so that 17,15 is 17.",
        new="comma",
    ),
    Row(Aspect.AMOUNT, "Clients that read whole amounts fail on decimals.", new="decimals"),
    Row(Aspect.AMOUNT, "Clients that read the amount as a number fail."),
    Row(
        Aspect.DATE,
        "aiosmsactivate's model accepts YYYY-MM-DD hh:mm:ss only and raises ValidationError on anything else; "
        "other clients compute a wrong deadline or none.",
    ),
    # --- JSON
    Row(
        Aspect.TYPE,
        'A client that compares canGetAnotherSms with "1" silently reads false; typed decoders fail.',
        path="canGetAnotherSms",
    ),
    Row(
        Aspect.TYPE,
        "aiosmsactivate's model wants a string for countryCode and raises ValidationError.",
        path="countryCode",
    ),
    Row(
        Aspect.TYPE,
        "The Go client has string fields for id and cost and fails to unmarshal numbers, after the purchase.",
        path="activationId|activationCost|phoneNumber",
        new="number",
    ),
    Row(
        Aspect.TYPE,
        "Clients that read the value without asking fail on null.",
        new="null",
    ),
    Row(
        Aspect.TYPE,
        "Clients that go by the other structure fail at once: names in a list and positions in an object lead "
        "nowhere.",
        new="list|object",
    ),
    Row(
        Aspect.TYPE,
        "Typed decoders (Go, Java, pydantic) fail; dynamic clients compare a string with a number and find them "
        "unequal.",
    ),
    Row(
        Aspect.EMPTY,
        "Typed decoders that want an object fail on a list, and the reverse; PHP writes an empty map as [].",
    ),
    Row(
        Aspect.FIELD,
        "aiosmsactivate's V2 model requires activationOperator and raises ValidationError after the purchase.",
        path="activationOperator$",
        new="absent",
    ),
    Row(
        Aspect.FIELD,
        "Clients that read the field without asking whether it is there fail (KeyError, null).",
        new="absent",
    ),
    Row(Aspect.FIELD, "Only decoders that refuse unknown names fail; most clients do not notice."),
    Row(
        Aspect.KEYS,
        "The Java SDK splits each key at its underscore and dies with ArrayIndexOutOfBounds; a Python client asks "
        "for vk_0 and raises KeyError.",
        new="plain",
    ),
    Row(Aspect.KEYS, "Clients that look a service up by its bare code find nothing and see no stock."),
    Row(
        Aspect.COUNTRIES,
        "Callers of these country ids are refused by new, or served another country; country=0 (Russia) is left "
        "out by clients that drop falsy parameters.",
    ),
)
"""The rows, special ones before general ones: each kind ends with one that fits everything."""


_WHOLE = frozenset({Aspect.WORD, Aspect.COUNTRIES})
"""Kinds whose new side is one statement; that of others is a list of values, each of which may break something."""


def breaks(action: str, kind: Aspect, path: str, old: str, new: str) -> str:
    """What a difference would break, in a sentence or two for the operator."""
    values = [new] if kind in _WHOLE else new.split(", ")
    return " ".join(dict.fromkeys(_says(action, kind, path, old, value) for value in values))


def _says(action: str, kind: Aspect, path: str, old: str, new: str) -> str:
    return next(row.says for row in CATALOGUE if row.fits(action, kind, path, old, new))
