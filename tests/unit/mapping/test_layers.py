"""A tenant's pack over a product's: what it overrides, where problems are told, and what the version covers."""

from pathlib import Path

import pytest

from bridge.domain.model import Job, JobRef
from bridge.mapping.document.layers import files_of, read_pack
from bridge.mapping.loader import inspect_pack, make_pack
from bridge.mapping.pack import Pack, Reading, Translated
from bridge.yaml_source import InvalidDocument
from tests.unit.mapping.builders import TOY

TENANT = """
pack: tenant
version: "1"
extends: ../toy
zone: Europe/Warsaw
tables:
  crews:
    rows: [{crew: "2", name: Zweite, side: seller}, {crew: "3", name: Dritte, side: buyer}]
rules:
  - {rule: mine, when: {who: me}, then: {ignore: Mine}}
  - {rule: made, when: {kind: made}, then: {work_order: planned, creates: true}}
commands:
  cancel: {exchange: tenant.commands}
"""


def write(root: Path, name: str, text: str) -> Path:
    (root / name).mkdir(exist_ok=True)
    (root / name / "pack.yaml").write_text(text)
    return root / name


def tenant(root: Path, text: str = TENANT, toy: str = TOY) -> Path:
    write(root, "toy", toy)
    return write(root, "tenant", text)


def findings(directory: Path) -> list[str]:
    with pytest.raises(InvalidDocument) as invalid:
        make_pack(read_pack(directory))
    return [
        f"{Path(one.file).parent.name}/{Path(one.file).name}:{one.line}:{one.kind}" for one in invalid.value.findings
    ]


def rule_for(pack: Pack, body: bytes) -> object:
    reading = pack.read(body, "job.1", {"x-kind": "made"})
    assert isinstance(reading, Reading)
    result = pack.translate(reading, Job(ref=JobRef("tenant", "1")))
    return (result.update.rule, result.update.goal.work_order) if isinstance(result, Translated) else result.reason


def test_a_tenant_overrides_by_key_and_keeps_the_rest(tmp_path: Path) -> None:
    source = read_pack(tenant(tmp_path))
    assert [(row["crew"], row["name"]) for row in source.data["tables"]["crews"]["rows"]] == [
        ("1", "First"),
        ("2", "Zweite"),
        ("3", "Dritte"),
    ]
    assert source.data["tables"]["crews"]["on_miss"] == "default"
    assert [rule["rule"] for rule in source.data["rules"]][:3] == ["mine", "made", "moved-by-buyer"]
    assert source.data["commands"]["cancel"]["exchange"] == "tenant.commands"
    assert source.data["commands"]["cancel"]["routing_key"] == "undo"
    pack = make_pack(source)
    assert pack.name == "tenant"
    assert rule_for(pack, b'{"job": {"key no": "1"}, "at": null, "who": "me"}') == "Mine"
    assert rule_for(pack, b'{"job": {"key no": "1"}, "at": null}') == ("made", "planned")


def test_a_problem_is_told_of_the_file_it_stands_in(tmp_path: Path) -> None:
    broken = TENANT.replace("kind: made", "kind: mad").replace("exchange: tenant.commands", "exchnge: x")
    assert findings(tenant(tmp_path, broken)) == ["tenant/pack.yaml:13:unknown-key"]
    assert findings(tenant(tmp_path, TENANT.replace("kind: made", "kind: mad"))) == ["tenant/pack.yaml:11:unknown-code"]
    below = TOY.replace("who: {present: true}", "wha: {present: true}")
    assert findings(tenant(tmp_path, toy=below)) == ["toy/pack.yaml:43:unknown-field"]


def test_the_version_covers_both_files(tmp_path: Path) -> None:
    first = make_pack(read_pack(tenant(tmp_path))).version
    assert make_pack(read_pack(tenant(tmp_path))).version == first
    below = make_pack(read_pack(tenant(tmp_path, toy=TOY.replace("name: Second", "name: Other")))).version
    above = make_pack(read_pack(tenant(tmp_path, TENANT.replace("Dritte", "Vierte")))).version
    assert len({first, above}) == 2
    assert below == first  # that row is overridden
    assert make_pack(read_pack(tenant(tmp_path, toy=TOY.replace("name: First", "name: Erste")))).version != first


def test_null_takes_a_key_away(tmp_path: Path) -> None:
    source = read_pack(tenant(tmp_path, TENANT.replace("cancel: {exchange: tenant.commands}", "cancel: null")))
    assert set(source.data["commands"]) == {"search"}


def test_null_takes_away_what_stands_below_and_not_what_is_null_there(tmp_path: Path) -> None:
    more = TENANT + "  search: {body: {kinds: null, more: 1}}\n"
    toy = TOY.replace("kinds: [visit,", "none: null\n      kinds: [visit,")
    body = read_pack(tenant(tmp_path, more, toy)).data["commands"]["search"]["body"]
    assert "kinds" not in body
    assert body["none"] is None


def test_what_stands_twice_above_is_told_twice(tmp_path: Path) -> None:
    twice = TENANT.replace('{crew: "3", name: Dritte', '{crew: "2", name: Dritte').replace("rule: mine", "rule: made")
    assert findings(tenant(tmp_path, twice)) == [
        "tenant/pack.yaml:8:duplicate-code",
        "tenant/pack.yaml:11:duplicate-rule",
    ]


def test_a_field_may_be_made_of_one_that_only_the_tenant_has(tmp_path: Path) -> None:
    fields = (
        "fields:\n  spoken: {path: $.spoken}\n  tasks: {split: ';', path: null, value: spoken}\n  last: {path: $.z}\n"
    )
    source = read_pack(tenant(tmp_path, TENANT + fields))
    names = list(source.data["fields"])
    assert names[names.index("tasks") - 1] == "spoken"
    assert names[-1] == "last"
    make_pack(source)


@pytest.mark.parametrize("base", [".", "../nowhere", "../tenant", "../toy/pack.yaml"])
def test_a_base_that_cannot_be_is_told(tmp_path: Path, base: str) -> None:
    (finding,) = findings(tenant(tmp_path, TENANT.replace("../toy", base)))
    assert finding.startswith("tenant/pack.yaml:4:")


def test_packs_in_a_circle_are_told(tmp_path: Path) -> None:
    directory = tenant(tmp_path, toy=TOY + "extends: ../tenant\n")
    assert len(findings(directory)) == 1


CSV = "crew,name,side,mail\n1,First,buyer,a@b.example\n2,Second,buyer,\n"
IN_FILE = TOY.replace(
    """    rows:
      - {crew: "1", name: First, side: buyer, mail: first@toy.example}
      - {crew: "2", name: Second, side: buyer}
""",
    "    file: crews.csv\n",
)


KEPT = {
    '"two\nlines"': "two\nlines",
    '"two\r\nlines\n"': "two\r\nlines\n",
    '" blanks "': " blanks ",
    '"a, b"': "a, b",
    '"say ""yes"""': 'say "yes"',
    '"\u2028\x0b\x85"': "\u2028\x0b\x85",
    " as it is ": " as it is ",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("cell", KEPT)
def test_a_cell_of_a_csv_file_is_kept_as_it_is(tmp_path: Path, cell: str, end: str) -> None:
    directory = write(tmp_path, "toy", IN_FILE)
    rows = ["crew,name,side,mail", f"1,{cell},buyer,", "2,Second,buyer,b@b.example"]
    (directory / "crews.csv").write_bytes((end.join(rows) + end).encode())
    first, second = read_pack(directory).data["tables"]["crews"]["rows"]
    assert first == {"crew": "1", "name": KEPT[cell], "side": "buyer"}
    assert second == {"crew": "2", "name": "Second", "side": "buyer", "mail": "b@b.example"}


def test_a_table_may_stand_in_a_file(tmp_path: Path) -> None:
    directory = write(tmp_path, "toy", IN_FILE)
    (directory / "crews.csv").write_text(CSV)
    source = read_pack(directory)
    assert source.data["tables"]["crews"]["rows"][1] == {"crew": "2", "name": "Second", "side": "buyer"}
    make_pack(source)
    (directory / "pack.yaml").write_text(IN_FILE.replace("crews.csv", "crews.yaml"))
    (directory / "crews.yaml").write_text("rows:\n  - {crew: '1', name: First, side: buyer}\n")
    make_pack(read_pack(directory))


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (CSV + "1,Again,buyer,\n", "toy/crews.csv:4:duplicate-code"),
        (CSV + "3,Third\n", "toy/crews.csv:4:wrong-value"),
        (CSV + '3,"Third\n\ncrew",buyer,\n4,Fourth\n', "toy/crews.csv:7:wrong-value"),
        (CSV + '3,"Third\ncrew",buyer,\n4,"Fourth,\nbuyer,\n', "toy/crews.csv:6:syntax"),
        (CSV + '3,"Third"x,buyer,\n', "toy/crews.csv:4:syntax"),
        (CSV + "3,Th\0ird,buyer,\n", "toy/crews.csv:4:encoding"),
        (CSV + '3,"Third,buyer,\n', "toy/crews.csv:4:syntax"),
        (CSV.replace("crew,", "id,"), "toy/pack.yaml:21:unknown-column"),
        (CSV + ",Nobody,buyer,\n", "toy/crews.csv:4:missing-key"),
        (None, "toy/pack.yaml:24:unreadable"),
        ("\udcff", "toy/crews.csv:1:encoding"),
        (CSV + "3,Th\udca3rd,buyer,\n", "toy/crews.csv:4:encoding"),
        (CSV.replace("side", "name", 1), "toy/crews.csv:1:wrong-value"),
    ],
)
def test_a_problem_of_a_tables_file_is_told_there(tmp_path: Path, text: str | None, finding: str) -> None:
    directory = write(tmp_path, "toy", IN_FILE)
    if text is not None:
        (directory / "crews.csv").write_bytes(text.encode(errors="surrogateescape"))
    assert finding in findings(directory)


def test_what_is_wrong_with_a_whole_csv_file_is_told_once_with_what_to_do(tmp_path: Path) -> None:
    directory = write(tmp_path, "toy", IN_FILE)
    told = {
        CSV.replace(",", ";").encode(): 'columns are separated by commas here, not by ";"',
        CSV.replace(",", "\t").encode(): 'columns are separated by commas here, not by "\\t"',
        CSV.encode("utf-16"): "the file is not UTF-8 (byte 0xff); save it as that",
        CSV.replace("mail", "crew", 1).encode(): '"crew" stands over more than one column',
    }
    for raw, message in told.items():
        (directory / "crews.csv").write_bytes(raw)
        assert message in [one.message for one in inspect_pack(directory).findings if one.file.endswith(".csv")]
        assert len(inspect_pack(directory).findings) == 1
    (directory / "crews.csv").write_bytes((CSV + "3,Łó").encode() + b"\xa3,buyer,\n")
    (finding,) = inspect_pack(directory).findings
    assert (finding.line, finding.column) == (4, 5)


def test_a_table_in_a_file_that_is_not_there_or_lacks_its_key_is_told_once(tmp_path: Path) -> None:
    directory = write(tmp_path, "toy", IN_FILE.replace("file: crews.csv", "file: crew.csv"))
    (directory / "crews.csv").write_text(CSV)
    (missing,) = inspect_pack(directory).findings
    assert missing.message == f"there is no file crew.csv in {directory}; did you mean 'crews.csv'?"
    (directory / "crew.csv").write_text(CSV.replace("crew,", "crow,"))
    (keyless,) = inspect_pack(directory).findings
    assert keyless.message == "there is no column 'crew'; did you mean 'crow'?"


def inspected(directory: Path) -> list[str]:
    return [
        f"{Path(one.file).parent.name}/{Path(one.file).name}:{one.kind}" for one in inspect_pack(directory).findings
    ]


def test_a_table_that_cannot_be_read_and_a_key_that_stands_twice_hide_nothing_else(tmp_path: Path) -> None:
    """Rules look at the table's columns; that these are missing now is no problem of its own."""
    text = IN_FILE.replace("occurred_at: at", "occurred_at: att").replace('version: "7"', 'version: "7"\nversion: "8"')
    directory = write(tmp_path, "toy", text)
    assert inspected(directory) == [
        "toy/pack.yaml:duplicate-key",
        "toy/pack.yaml:unknown-field",
        "toy/pack.yaml:unreadable",
    ]
    (directory / "crews.csv").write_text(CSV + "3,Third\n")
    assert inspected(directory) == [
        "toy/crews.csv:wrong-value",
        "toy/pack.yaml:duplicate-key",
        "toy/pack.yaml:unknown-field",
    ]


def test_rows_in_two_places_hide_nothing_else(tmp_path: Path) -> None:
    text = TOY.replace("    key: crew\n", "    key: crew\n    file: crews.csv\n").replace(
        "occurred_at: at", "occurred_at: a"
    )
    assert {"toy/pack.yaml:misplaced", "toy/pack.yaml:unknown-field"} <= set(inspected(write(tmp_path, "toy", text)))


def test_the_problems_of_reading_both_packs_are_told_together(tmp_path: Path) -> None:
    twice = TENANT.replace("zone: Europe/Warsaw", "zone: Europe/Warsaw\nzone: UTC")
    assert sorted(inspected(tenant(tmp_path, twice, "pack: ["))) == [
        "tenant/pack.yaml:duplicate-key",
        "toy/pack.yaml:syntax",
    ]
    assert inspected(tenant(tmp_path, twice.replace("../toy", "../nowhere"))) == [
        "tenant/pack.yaml:unknown-pack",
        "tenant/pack.yaml:duplicate-key",
    ]


def test_the_files_of_a_pack_are_those_of_its_bases_and_tables_too(tmp_path: Path) -> None:
    directory = tenant(tmp_path, toy=IN_FILE)
    files = {path.resolve() for path in files_of(directory)}
    assert files == {tmp_path / "tenant", tmp_path / "toy", tmp_path / "toy" / "crews.csv"}
    assert files_of(tenant(tmp_path, "extends: ../tenant")) == {tmp_path / "tenant"}
    assert files_of(tenant(tmp_path, "pack: [")) == {tmp_path / "tenant"}
