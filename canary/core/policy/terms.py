"""What a policy judges by: its edit makes the evidence so far worthless, since it was gathered under other terms."""

import json
from hashlib import sha256

from canary.core.policy.load import policy_json
from canary.core.policy.model import Policy

JUDGED_BY = frozenset({"arms", "error_rates", "gates", "judging", "maturity", "unit"})
"""Keys of a policy that say what is compared, how, and between whom."""


def terms_of(policy: Policy) -> str:
    """Twelve hex digits that change with what the policy judges by, and with nothing else."""
    judged = {key: value for key, value in json.loads(policy_json(policy)).items() if key in JUDGED_BY}
    return sha256(json.dumps(judged, sort_keys=True).encode()).hexdigest()[:12]
