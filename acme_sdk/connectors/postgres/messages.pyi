"""Messages of a COPY, joined as they come."""

from collections.abc import Callable

__all__ = ["MessageBuffer"]

class MessageBuffer:
    """Messages, one after the other.

    Attributes:
        count: How many there are.
        nbytes: Their bytes together.
        last: The bytes of the last one.
    """

    count: int
    nbytes: int
    last: int

    def fill(self, next_message: Callable[[int], tuple[int, bytes | memoryview]], enough: int) -> int:
        """Append messages until there are enough bytes, or no more messages.

        Args:
            next_message: ``get_copy_data`` of psycopg, which is called with 1: do not wait.
            enough: The number of bytes; the message that reaches it is taken, too.

        Returns:
            Above 0 if there are enough, 0 if one would have to wait for more, -1 after the last one.
        """

    def append(self, message: bytes, expected: int = ...) -> None:
        """Append a message, with space for so many bytes altogether."""

    def take(self) -> bytes:
        """Return what there is, and begin anew."""
