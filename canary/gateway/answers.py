"""What the client gets: the arm's bytes, or the gateway's own words when there are none."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from canary.core.model import Arm, Call, Response
from canary.core.protocol.splice import replace_ids
from canary.core.route import Plan
from canary.gateway.asking import Asked
from canary.gateway.upstream import Sent

ARM_HEADER = "x-canary-arm"
ERROR_HEADER = "x-canary-error"


def own_to_visible(plan: Plan) -> dict[str, str]:
    """The arm's own ids in a plan that the client knows by another one."""
    return {own: visible for visible, own in plan.ids.items() if own != visible}


@dataclass(frozen=True, slots=True)
class Answers:
    """How the gateway speaks for itself.

    Legacy's own word for server trouble is the default answer when an upstream gave none: real clients
    repeat a purchase after a synthetic 5xx, and several repeat it when the connection is closed.
    """

    failure_status: int = 200
    failure_body: bytes = b"ERROR_SQL"
    arm_header: bool = True

    def of(self, asked: Asked) -> Response:
        """The arm's response as it came, or the configured answer when there was none."""
        if asked.response is None:
            why = asked.exchange.failure or asked.exchange.reply.code.lower()
            return self.failed(str(why), asked.arm)
        return self.stamp(asked.response, asked.arm)

    def passed_on(self, sent: Sent, arm: Arm) -> Response:
        """What an arm said to a request that is no call, or the configured answer when it said nothing."""
        if sent.response is None:
            return self.failed(str(sent.failure), arm)
        return self.stamp(sent.response, arm)

    def edited(self, asked: Asked, body: bytes) -> Response:
        """The arm's response with another body, which is then no longer content-coded."""
        if asked.response is None or body == asked.content:
            return self.of(asked)
        headers = tuple(h for h in asked.response.headers if h[0].lower() not in {"content-encoding", "etag"})
        return self.stamp(Response(asked.response.status, headers, body), asked.arm)

    def renamed(self, call: Call, asked: Asked, ids: Mapping[str, str]) -> Response:
        """The arm's response with the ids that the client knows in place of the arm's own."""
        return self.edited(asked, replace_ids(call, asked.content, ids)) if ids else self.of(asked)

    def partly(self, response: Response, missing: Asked) -> Response:
        """A response that lacks what ``missing`` should have brought."""
        code = missing.exchange.reply.code
        trouble = "answered what cannot be joined" if missing.well else f"did not answer well: {code}"
        return replace(response, headers=(*response.headers, (ERROR_HEADER, f"{missing.arm} {trouble}")))

    def failed(self, why: str, arm: Arm | None = None) -> Response:
        """The configured answer for a call that got none."""
        headers = (("content-type", "text/html; charset=UTF-8"), (ERROR_HEADER, why))
        return self.stamp(Response(self.failure_status, headers, self.failure_body), arm)

    def stamp(self, response: Response, arm: Arm | None) -> Response:
        """The response with the header that names the arm, unless that is turned off."""
        if arm is None or not self.arm_header:
            return response
        return Response(response.status, (*response.headers, (ARM_HEADER, arm.value)), response.body)
