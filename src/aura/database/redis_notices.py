"""What processes tell each other through Redis, where there is one: as `notices.py`, on connections of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from typing import Any

from aura.errors import InvalidRequest, Unavailable


class RedisNotices:
    """Notices over Redis' publish and subscribe.

    Args:
        url: `REDIS_URL`, such as `redis://host:6379/0`; it may hold a password.

    Raises:
        InvalidRequest: the extra `redis` is not installed, or the address can not be used.
    """

    def __init__(self, url: str) -> None:
        try:
            from redis.asyncio import Redis
        except ImportError as error:
            raise InvalidRequest(
                'REDIS_URL needs the extra `redis`: pip install "aura[redis]"', field="redis_url"
            ) from error
        try:
            self._client: Any = Redis.from_url(url, decode_responses=True, protocol=2)
        except ValueError:  # its message repeats the address, which may hold a password
            raise InvalidRequest("REDIS_URL is not a URL of the form redis://host:6379/0", field="redis_url") from None

    async def tell(self, channel: str, notice: str) -> None:
        """Send `notice` to who listens on `channel` now. Raises `Unavailable`."""
        with _translated():
            await self._client.publish(channel, notice)

    async def heard(self, channel: str, *, idle_seconds: float) -> AsyncGenerator[str | None]:
        """The notices on `channel` from now on; None when it begins to listen, and after every `idle_seconds` without one.

        Raises:
            Unavailable: Redis is away, or the connection was lost.
        """
        with _translated():
            async with aclosing(self._client.pubsub()) as listener:
                await listener.subscribe(channel)
                while True:
                    message = await listener.get_message(timeout=idle_seconds)
                    if message is None or message["type"] == "subscribe":
                        yield None
                    elif message["type"] == "message":
                        yield str(message["data"])

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


@contextmanager
def _translated() -> Generator[None]:
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        raise Unavailable(
            f"Redis is away ({type(error).__name__}): check REDIS_URL and that it runs", retry_after_seconds=2.0
        ) from error
