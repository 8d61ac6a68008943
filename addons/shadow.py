"""Shadow reads and split nothing: ``mitmdump --mode reverse:URL -s addons/shadow.py --set canary_policy=FILE``.

For trying things out: mitmdump cuts requests when it stops and prints every flow. In production: ``canary run``.
"""

from canary.cli.errors import READABLE
from canary.cli.script import shadow_only
from canary.proxy.script import GatewayScript

addons = [GatewayScript(shadow_only, READABLE)]
