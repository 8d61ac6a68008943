"""Between mitmproxy's flows and the gateway's requests and responses."""

from time import time

from mitmproxy import http

from canary.core.model import Request, Response
from canary.gateway.ingress import BODILESS, REASONS


def to_request(flow: http.HTTPFlow) -> Request:
    """The flow's request, undecoded: every byte becomes one latin-1 character."""
    data = flow.request.data
    path, _, query = data.path.decode("latin-1").partition("?")
    headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in data.headers.fields)
    peer = flow.client_conn.peername
    return Request(
        method=data.method.decode("latin-1"),
        path=path,
        query=query,
        headers=headers,
        body=data.content or b"",
        client=peer[0] if peer else "",
    )


def answer(flow: http.HTTPFlow, response: Response, *, close: bool = False) -> None:
    """Set the flow's response, so that mitmproxy never opens a connection of its own.

    Args:
        close: ask the client not to use its connection again.
    """
    fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.headers]
    bodiless = response.status in BODILESS
    if not bodiless and not response.header("content-length"):  # one is there when the arm answered a HEAD
        fields.append((b"content-length", b"%d" % len(response.body)))
    if close or _is_last(flow.request):
        # some clients go on using a connection that is about to be closed unless they are told
        fields.append((b"connection", b"close"))
    now = time()
    flow.response = http.Response(
        http_version=b"HTTP/1.1",
        status_code=response.status,
        reason=REASONS.get(response.status, "").encode(),
        headers=http.Headers(fields),
        content=b"" if bodiless or flow.request.method == "HEAD" else response.body,
        trailers=None,
        timestamp_start=now,
        timestamp_end=now,
    )


def _is_last(request: http.Request) -> bool:
    """Whether the client asks for its connection to be closed."""
    fields = request.data.headers.fields
    return any(name.lower() == b"connection" and b"close" in value.lower() for name, value in fields)
