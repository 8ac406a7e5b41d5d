"""Our errors: one root, and below it what a caller can do about one.

A subclass's docstring is its default message. Drivers' exceptions are translated once, at the adapter, with `from`.
"""


class BridgeError(Exception):
    """The bridge failed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class PermanentError(BridgeError):
    """Trying again will not help."""


class TransientError(BridgeError):
    """Trying again later may help."""


class ConflictError(BridgeError):
    """Somebody else changed the same thing first."""


class StoreUnavailable(TransientError):
    """The database does not answer."""


class StoreShort(StoreUnavailable):
    """The database lacks room, or a table, or us a right, which not every change needs."""


class StoreUncertain(StoreUnavailable):
    """The database failed, and nobody knows whether that passes."""


class StoreBusy(StoreUncertain):
    """Another transaction is in the way."""


def concerns_all(error: Exception) -> bool:
    """Tell whether an error says that nothing can be done now, whatever is tried: to leave one out is no help."""
    return isinstance(error, TransientError) and not isinstance(error, StoreUncertain)


class BrokerUnavailable(TransientError):
    """RabbitMQ does not answer; what was to be sent may have gone out all the same."""


class NotAllowed(TransientError):
    """RabbitMQ does not allow the bridge what it needs; an administrator may."""


class NotSent(BrokerUnavailable):
    """RabbitMQ takes no messages now; nothing was sent."""


class ConfirmPending(BrokerUnavailable):
    """RabbitMQ has the message, but did not confirm it yet; it may still do so."""


class NotRouted(PermanentError):
    """RabbitMQ took the command, but no queue of the WFM is bound to receive it."""


class NotKept(PermanentError):
    """The message could be neither applied nor parked."""


class StoreDefect(PermanentError):
    """The database refused what the bridge wrote: a defect of the bridge."""
