"""JSONPath in packs: one value or nothing, whatever the data is."""

import pytest

from bridge.mapping.formats.paths import MISSING, compile_path

DATA = {"a": {"b c": [10, {"d": None}]}, "s": "text", "": 1}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", DATA),
        ("$.s", "text"),
        ("$['']", 1),
        ("$.a['b c'][0]", 10),
        ("$.a['b c'][-1].d", None),
        ("$.a['b c'][-2]", 10),
        ("$.a['b c'][2]", MISSING),
        ("$.a['b c'][-3]", MISSING),
        ("$.s[0]", MISSING),
        ("$.s.length", MISSING),
        ("$[0]", DATA),
        ("$[1]", MISSING),
        ("$.none", MISSING),
        ("$.a.none.deeper", MISSING),
    ],
)
def test_a_path_finds_its_value_and_tells_null_from_absent(path: str, found: object) -> None:
    assert compile_path(path)(DATA) is found or compile_path(path)(DATA) == found


@pytest.mark.parametrize("data", [None, 1, "x", [], [{"x": 1}]])
def test_a_member_of_something_that_is_no_object_is_missing(data: object) -> None:
    assert compile_path("$.x")(data) is MISSING


@pytest.mark.parametrize(
    "path",
    ["", "STAT", " $.a", "$.a bad", "$..a", "$.*", "$.a[0,1]", "$.a[1:2]", "$[?@.a > 1]", "$[?match(@.a, 'x')]"],
)
def test_a_path_that_is_none_or_finds_several_values_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"^'"):
        compile_path(path)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("$.o:Job.@id", "\"$['o:Job']['@id']\""),
        ("$.o:Job['@id'][0].to", "\"$['o:Job']['@id'][0].to\""),
        ("$.1st", "\"$['1st']\""),
        ("Job.Status", "$.Job.Status"),
        ("/Job/Status", "$.Job.Status"),
        (f"$.{'a' * 50_000}@{'b' * 50_000}", f"\"$['{'a' * 50_000}@{'b' * 50_000}']\""),
    ],
)
def test_a_name_that_needs_quotes_is_told_with_what_to_write(path: str, meant: str) -> None:
    with pytest.raises(ValueError, match=r"is not a JSONPath") as caught:
        compile_path(path)
    assert str(caught.value).endswith(f"; write {meant}")
    compile_path(meant.strip('"'))


@pytest.mark.parametrize("path", ["$.a b", "$.a.", "$['a'", "", f"{'a' * 50_000} b"])
def test_what_was_meant_is_not_guessed_at_random(path: str) -> None:
    with pytest.raises(ValueError, match=r"is not a JSONPath") as caught:
        compile_path(path)
    assert "; write" not in str(caught.value)


@pytest.mark.parametrize("function", ["match", "search"])
def test_regular_expressions_are_refused(function: str) -> None:
    with pytest.raises(ValueError, match="cannot be asked for; a filter asks if a member is there"):
        compile_path(f"$[?{function}(@.a, '(a+)+$')]")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.u[?@.key == 'b'].v", 2),
        ("$.u[?@['key']=='b'].v", 2),
        ("$.u[?@.nr == 7].v", 3),
        ("$.u[?@.key == 'z'].v", MISSING),
        ("$.none[?@.key == 'b'].v", MISSING),
        ("$.u['key']", MISSING),
        ("$.one[?@.key == 'a'].v", 5),
        ("$.one[?@.key == 'b'].v", MISSING),
        ("$.one[0].v", 5),
        ("$.one[-1].v", 5),
        ("$.one[1].v", MISSING),
    ],
)
def test_an_item_may_be_found_by_a_member(path: str, found: object) -> None:
    data: dict[str, object] = {
        "u": [1, {"key": "a", "v": 1}, {"key": "b", "v": 2}, {"nr": "7", "v": 3}, {"key": "b", "v": 4}]
    }
    data["one"] = {"key": "a", "v": 5}
    assert compile_path(path)(data) == found


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ("@.type.code == 'PH'", "home"),
        ("'PH' == @.type.code", "home"),
        ("@.type.code == 'PH' && @.main == true", "main"),
        ("@.type.code == 'PH' && @.nr != 1", "main"),
        ("@.type.code == 'PH' && (@.nr == 2 && @.main)", "main"),
        ("@.tags[?@.is == 'old']", "fax"),
        ("@.tags[?@.is == 'old' && @.of == 3]", "fax"),
        ("@.tags[?@.is == 'old' && @.of == 4]", MISSING),
        ("@.tags[0].is == 'old'", "fax"),
        ("!@.type", "odd"),
        ("@.type != 'x'", "home"),
        ("@.main == 'true'", "main"),
        ("@.nr == true", MISSING),
        ("@.type == 'PH'", MISSING),
    ],
)
def test_an_item_may_be_found_by_several_members_and_by_theirs(conditions: str, found: object) -> None:
    data = [
        {"type": {"code": "PH"}, "nr": "1", "v": "home"},
        {"type": {"code": "PH"}, "nr": 2, "main": True, "v": "main"},
        {"type": {"code": "FX"}, "tags": [{"is": "old", "of": 3}], "v": "fax"},
        {"v": "odd"},
    ]
    assert compile_path(f"$[?{conditions}].v")(data) == found


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ("@.a > 1", "@['a'] > 1 cannot be asked for; a filter asks if a member is there, equals"),
        ("@.a == 'x' || @.b == 'y'", "cannot be asked for; a filter asks"),
        ("!(@.a == 'x')", "cannot be asked for; a filter asks"),
        ("@.a == @.b", "cannot be asked for; a member is compared with a text, a whole number, true or false"),
        ("@.a == null", "cannot be asked for; a member is compared with"),
        ("@.a == 1.5", "cannot be asked for; a member is compared with"),
        ("$.a == 'x'", "cannot be asked for; a member is compared with"),
        ("length(@.a) == 2", "cannot be asked for; a member is compared with"),
        ("@.a[*] == 'x'", "what may find several values cannot be compared; write names and indexes"),
        ("@.a[?@.b == 1].c == 'x'", "or the comparison inside, such as [?@.tags[?@.name == 'x']]"),
        ("@..a", "may find several values"),
    ],
)
def test_a_filter_that_is_refused_says_what_of_it_and_why(conditions: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^'\$") as caught:
        compile_path(f"$.u[?{conditions}].v")
    assert said in str(caught.value)
