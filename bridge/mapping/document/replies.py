"""How the WFM's replies find the commands they answer."""

from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bridge.mapping.document.base import Path, Strict, as_list


def _of_the_wfm(queue: str) -> str:
    """Refuse the bridge's own queues: what is in them has an owner already."""
    for prefix, owner in (("mef-bridge.", "the bridge"), ("amq.", "RabbitMQ")):
        if queue.startswith(prefix):
            raise ValueError(f"queues of {owner} begin with {prefix}; write the name that the WFM answers to")
    return queue


class Replies(Strict):
    """How all replies of the WFM find their commands, where it knows nothing of AMQP's reply_to or correlation_id."""

    queue: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_of_the_wfm)] | None = None
    """The queue that the WFM answers to, whatever a command says; commands then carry no `reply_to`."""
    correlation: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    """Where a reply bears the `correlation` that its command has written, instead of in the AMQP property
    `correlation_id`; of several paths, the first that says something.
    """

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.queue is None and self.correlation is None:
            raise ValueError("write queue: <name>, correlation: <path>, or both")
        return self
