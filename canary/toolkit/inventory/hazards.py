"""The hazards that can be seen in code: what each is called, and what it does on the new provider."""

from canary.toolkit.inventory.model import Level, Rule

FINISHED_UNSEEN = Rule(
    "finish-without-code",
    Level.ERROR,
    "setStatus 6 where no code was seen",
    "Status 6 accepts the code and ends the lease as paid. Set it only after STATUS_OK; without a code set 8.",
)
NEVER_CANCELLED = Rule(
    "no-cancel",
    Level.WARNING,
    "numbers are bought and never cancelled",
    "Without setStatus 8 a number without a code is paid back only when it expires, and the books lag behind. "
    "Set 8 on every path on which no code came.",
)
SWAPPED = Rule(
    "swapped-status",
    Level.ERROR,
    "setStatus 3 and 6 look swapped",
    "3 asks for another code and keeps the lease open and paid; 6 ends it. Swapped, finished leases stay open.",
)
HARD_KEY = Rule(
    "hard-coded-key",
    Level.ERROR,
    "a key stands in the file",
    "Put the key into the environment or a file outside of the repository, and have the provider replace this one.",
)
COUNTRY_ID = Rule(
    "country-id",
    Level.NOTE,
    "a numeric country id is written out",
    "Country ids are the provider's own. Look each up with `canary countries`; a policy can translate it per arm.",
)
COUNTRIES_MIXED = Rule(
    "countries-mixed",
    Level.WARNING,
    "numeric country ids and ISO codes are mixed",
    "One call site must speak one of them: only some providers know both, and what is mapped for one misses the other.",
)
EMPTY_RETRIED = Rule(
    "empty-retried",
    Level.WARNING,
    "an empty reply is asked for again",
    "After getNumber an empty reply may hide a number that was bought: asking again buys a second one. "
    "Look with getActiveActivations first.",
)
PREFIX_UNCHECKED = Rule(
    "prefix-unchecked",
    Level.WARNING,
    "a reply is split without a look at its first word",
    "Anything but ACCESS_… or STATUS_… is an error word or a page; split, its parts become an id or a price.",
)
PRICE_TABLE = Rule(
    "price-from-table",
    Level.NOTE,
    "cost is taken from the price table",
    "The table's price is not the cost: take it from the reply or the cost header, net of refunds, per success.",
)
UNSUPPORTED = Rule(
    "unsupported-action",
    Level.ERROR,
    "an action that the new provider does not have",
    "Rewrite or remove this call before the cutover; the coverage gate blocks it while the action is in use.",
)
UNKNOWN_ACTION = Rule(
    "unknown-action",
    Level.NOTE,
    "an action that no documentation knows",
    "The harness sends it to the safe arm and neither splits nor shadows it.",
)

RULES = (
    FINISHED_UNSEEN,
    NEVER_CANCELLED,
    SWAPPED,
    HARD_KEY,
    COUNTRY_ID,
    COUNTRIES_MIXED,
    EMPTY_RETRIED,
    PREFIX_UNCHECKED,
    PRICE_TABLE,
    UNSUPPORTED,
    UNKNOWN_ACTION,
)
"""All rules, in the order of the documentation."""
