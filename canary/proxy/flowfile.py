"""Traffic in files: mitmproxy's own flow format, which mitmweb shows and ``canary replay`` reads, and HAR."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from time import time

from mitmproxy import connection, http
from mitmproxy.exceptions import FlowReadException
from mitmproxy.io import FlowReader, FlowWriter

from canary.core.model import Request, Response
from canary.core.protocol.parse import is_handler_path, parse
from canary.core.recording import Recorded, kept
from canary.gateway.ingress import Handler
from canary.proxy.flows import answer, to_request

log = logging.getLogger(__name__)

_NOBODY = ("0.0.0.0", 0)  # noqa: S104  an address to write, not one to listen on


class FlowFileError(Exception):
    """A file of flows cannot be read or written; the message says which and why."""


def recorded(path: Path) -> Iterator[Recorded]:
    """The handler_api exchanges in a file of flows or a HAR, in its order. One that is cut short ends early.

    Raises:
        FlowFileError: the file cannot be read, or is neither.
    """
    flows = 0
    try:
        with path.open("rb") as file:
            for flow in FlowReader(file).stream():
                flows += 1
                if isinstance(flow, http.HTTPFlow):
                    yield from _recorded(flow)
    except OSError as error:
        raise FlowFileError(f"{path} cannot be read: {error.strerror}") from None
    except FlowReadException:
        if not flows:
            raise FlowFileError(f"{path} is neither a file of mitmproxy flows nor a HAR") from None
        log.warning("%s ends in the middle of a flow; what came before was read", path)


def _recorded(flow: http.HTTPFlow) -> Iterator[Recorded]:
    request = to_request(flow)
    if is_handler_path(request.path):
        yield Recorded(request, _response(flow.response), flow.request.timestamp_start)


def _response(response: http.Response | None) -> Response | None:
    if response is None:
        return None
    headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers.fields)
    return Response(response.status_code, headers, response.raw_content or b"")


class Recorder:
    """Answers by ``handle`` and appends what may be kept of each call to a file, which only its owner can read.

    Raises:
        FlowFileError: the file cannot be written.
    """

    def __init__(self, path: Path, handle: Handler) -> None:
        self._handle = handle
        try:
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
        except OSError as error:
            raise FlowFileError(f"{path} cannot be written: {error.strerror}; choose another file") from None
        self._writer = FlowWriter(self._file)

    async def handle(self, request: Request) -> Response:
        """Answer one request, and write it down."""
        at = time()
        response = await self._handle(request)
        if is_handler_path(request.path) and not self._file.closed:
            try:
                self._write(kept(parse(request), request, response, at))
            except Exception:
                log.exception("the recording ends here")
                self.close()
        return response

    def _write(self, one: Recorded) -> None:
        self._writer.add(_flow(one))
        self._file.flush()

    def close(self) -> None:
        """Record no more."""
        with contextlib.suppress(OSError):  # a full disk, of which was told
            self._file.close()


def _flow(one: Recorded) -> http.HTTPFlow:
    assert one.response is not None, "what is recorded was answered"
    client = connection.Client(peername=_NOBODY, sockname=_NOBODY, timestamp_start=one.at)
    flow = http.HTTPFlow(client, connection.Server(address=None))
    target = f"http://recorded.invalid{one.request.path}?{one.request.query}"
    flow.request = http.Request.make(one.request.method, target)
    flow.request.timestamp_start = flow.request.timestamp_end = one.at
    answer(flow, one.response)
    return flow
