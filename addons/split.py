"""Split and shadow handler_api traffic: ``mitmdump --mode reverse:URL -s addons/split.py --set canary_policy=FILE``.

For trying things out: mitmdump cuts requests when it stops and prints every flow. In production: ``canary run``.
"""

from canary.cli.errors import READABLE
from canary.cli.script import split
from canary.proxy.script import GatewayScript

addons = [GatewayScript(split, READABLE)]
