"""What names the job beside a message's body, so that RabbitMQ can divide by it."""

import pytest

from bridge.flows.partitioning import UNDIVIDED, Partitioning
from bridge.mapping.loader import InvalidDocument, make_pack
from bridge.mapping.pack import Pack
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import TOY

BY_HEADER = "partition_by: {header: x-job}"


def pack_with(line: str, old: str = "", new: str = "") -> Pack:
    """The pack of the tests with another line of `inbound`, and perhaps something else changed."""
    text = TOY.replace(old, new) if old else TOY
    assert text.count("\ninbound:\n") == 1
    return make_pack(parse_yaml(text.replace("\ninbound:\n", f"\ninbound:\n  {line}\n"), "toy.yaml"))


def test_a_header_or_the_routing_key_divides_where_there_are_partitions() -> None:
    by_header = pack_with(BY_HEADER).inbound
    assert Partitioning.of(by_header, 4) == Partitioning(4, "header x-job")
    assert Partitioning.of(by_header, 4).header == "x-job"
    assert Partitioning.of(by_header, 1) == UNDIVIDED
    by_key = Partitioning.of(pack_with("partition_by: {routing_key: true}").inbound, 2)
    assert (by_key.is_hashed, by_key.header, str(by_key)) == (True, None, "2 by routing key")
    assert not Partitioning.of(make_pack(parse_yaml(TOY, "toy.yaml")).inbound, 4).is_hashed


@pytest.mark.parametrize(
    ("line", "old", "new", "finding"),
    [
        ("partition_by: {}", "", "", "write header or routing_key"),
        ("partition_by: {header: x, routing_key: true}", "", "", "write header or routing_key"),
        (f"each: $.list\n  {BY_HEADER}", "", "", "a message of several parts (each) is about several jobs"),
        ("partition_by: {routing_key: true}", '"visit.*"', '"visit"', "takes one routing key, which cannot name a job"),
        ("partition_by: {header: x-kind}", "", "", "the field 'kind' reads a code from it"),
    ],
)
def test_what_could_not_keep_the_order_of_a_job_is_refused(line: str, old: str, new: str, finding: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        pack_with(line, old, new)
    assert finding in str(refused.value)
