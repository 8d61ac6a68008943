"""What stands behind an ingress in place of the gateway."""

import asyncio

from canary.core.model import Request, Response

HTML = ("Content-Type", "text/html; charset=UTF-8")


class Handler:
    """Answers what it is told, and keeps what it was asked."""

    def __init__(self, *answers: Response) -> None:
        self.asked: list[Request] = []
        self._answers = answers or (Response(200, (HTML,), b"ACCESS_BALANCE:17.15"),)

    async def __call__(self, request: Request) -> Response:
        self.asked.append(request)
        return self._answers[(len(self.asked) - 1) % len(self._answers)]


class Held(Handler):
    """Answers when it is released."""

    def __init__(self, *answers: Response) -> None:
        super().__init__(*answers)
        self.release = asyncio.Event()
        self.in_flight = 0

    async def __call__(self, request: Request) -> Response:
        self.in_flight += 1
        try:
            answer = await super().__call__(request)
            await self.release.wait()
            return answer
        finally:
            self.in_flight -= 1
