"""A connection to RabbitMQ that tells what the library keeps to itself: why it was refused, and when it is blocked."""

from collections.abc import Callable
from typing import Any, Final

from aiormq.connection import Connection
from aiormq.exceptions import ConnectionClosed, InvalidFrameError
from pamqp import commands
from yarl import URL

HEARTBEAT_S: Final = 15
"""A side that misses some takes the other for dead; what a dead process held is free after about two."""


def connection_url(url: str, name: str) -> URL:
    """Name a connection, as RabbitMQ's own tools show it; a heartbeat that the operator chose is kept."""
    return URL(url).update_query({"heartbeat": str(HEARTBEAT_S)} | dict(URL(url).query) | {"name": name})


class CandidConnection(Connection):
    """`on_blocked` is called with the reason when RabbitMQ blocks the connection, with None when it no longer does.

    RabbitMQ answers some steps of the opening with a close: the library then says that it expected something else.
    """

    def __init__(self, url: URL, on_blocked: Callable[[str | None], None] = lambda _: None) -> None:
        super().__init__(url)
        self._on_blocked = on_blocked

    @staticmethod
    async def _rpc(request: Any, writer: Any, frame_receiver: Any, wait_response: bool = True) -> Any:
        heard = _Heard(frame_receiver)
        try:
            return await Connection._rpc(request, writer, heard, wait_response)  # type: ignore[arg-type]  # noqa: SLF001
        except InvalidFrameError:
            if isinstance(heard.frame, commands.Connection.Close):
                raise ConnectionClosed(heard.frame.reply_code, heard.frame.reply_text) from None
            raise

    # The library's own, by their mangled names: they only log, and keep the writer of a new connection from beginning.

    async def _Connection__handle_connection_blocked(self, frame: commands.Connection.Blocked) -> None:  # noqa: N802
        self._on_blocked(frame.reason)

    async def _Connection__handle_connection_unblocked(self, _: commands.Connection.Unblocked) -> None:  # noqa: N802
        self._on_blocked(None)


class _Heard:
    """Passes frames on, and keeps the last one."""

    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver
        self.frame: Any = None

    async def get_frame(self) -> Any:
        received = await self._receiver.get_frame()
        self.frame = received[2]
        return received
