"""Every reply form that is known of handler_api, with what it means: one table for all who read or write replies.

Bodies are the documented or recorded ones of SMS-Activate (2025 documentation, SDKs and captures), HeroSMS,
DaisySMS, GrizzlySMS, VAK-SMS, OnlineSim, SMSBulk and resellers; keys and numbers are made up.
"""

from tests.core.protocol.samples.account import BALANCE, LISTS
from tests.core.protocol.samples.faults import ENVELOPES, FALLBACKS
from tests.core.protocol.samples.leases import STATUSES, WRITES
from tests.core.protocol.samples.purchases import NUMBERS, REFUSALS
from tests.core.protocol.samples.rents import RENTS
from tests.core.protocol.samples.sample import Sample

SAMPLES: tuple[Sample, ...] = (
    *BALANCE, *NUMBERS, *REFUSALS, *STATUSES, *WRITES, *RENTS, *LISTS, *ENVELOPES, *FALLBACKS
)  # fmt: skip

__all__ = ["SAMPLES", "Sample"]
