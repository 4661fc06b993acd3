import json
import pickle
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_sdk.config import ConnectorConfig, config_model, validate_config
from acme_sdk.errors import ConfigurationError, SecretError
from acme_sdk.secrets import MASK
from acme_sdk.secrets.fields import literal_secrets

SCHEMA = {
    "api_url": {"type": "string", "required": True},
    "api_key": {"type": "string", "required": True, "secret": True},
    "page_size": {"type": "integer", "default": 100, "minimum": 1},
    "ratio": {"type": "number"},
    "verify": {"type": "boolean", "default": True},
    "tags": {"type": "array", "default": []},
    "mode": {"type": "string", "enum": ["fast", "safe"], "default": "safe"},
    "ssl": {
        "type": "object",
        "properties": {
            "mode": {"type": "string", "default": "prefer"},
            "key": {"type": "string", "secret": True},
        },
    },
}
GOOD = {"api_url": "http://localhost", "api_key": "canary-key"}


def problems_of(raw, schema=SCHEMA):
    with pytest.raises(ConfigurationError) as caught:
        validate_config(schema, raw, connector="my_api")
    return caught.value


def test_defaults_fill_in_and_optional_fields_stay_away():
    config = validate_config(SCHEMA, GOOD)
    assert config["page_size"] == 100
    assert config.get("page_size", 5) == 100
    assert config["ssl"] == {"mode": "prefer", "key": None}
    assert "ratio" not in config
    assert config.get("ratio", 0.5) == 0.5


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"api_url": ...}, "api_url", "required"),
        ({"api_url": ""}, "api_url", "empty"),
        ({"api_url": 7}, "api_url", "a string"),
        ({"page_size": "100"}, "page_size", "an integer"),
        ({"page_size": True}, "page_size", "an integer"),
        ({"page_size": 1.5}, "page_size", "an integer"),
        ({"page_size": 0}, "page_size", "greater than or equal to 1"),
        ({"verify": "yes"}, "verify", "true or false"),
        ({"tags": "a,b"}, "tags", "an array"),
        ({"ssl": "require"}, "ssl", "an object"),
        ({"ssl": {"mode": 3}}, "ssl.mode", "a string"),
        ({"ssl": {"mod": "x"}}, "ssl.mod", "did you mean 'mode'"),
        ({"mode": "quick"}, "mode", "'fast' or 'safe'"),
        ({"api_kye": "x"}, "api_kye", "did you mean 'api_key'"),
        ({"ratio": float("nan")}, "ratio", "finite"),
        ({"ratio": "0.5"}, "ratio", "number"),
    ],
)
def test_each_wrong_field_is_named_with_what_is_wrong(change, field, words):
    raw = {key: value for key, value in (GOOD | change).items() if value is not ...}
    error = problems_of(raw)
    assert [problem.field for problem in error.problems] == [field]
    assert words in error.problems[0].message
    assert error.message.startswith(f"my_api: {field}: ")
    assert error.hint


def test_all_wrong_fields_are_named_at_once_and_no_value_is_shown():
    error = problems_of({"api_key": 987654321, "page_size": "leaky-value"})
    assert {problem.field for problem in error.problems} == {"api_url", "api_key", "page_size"}
    assert "987654321" not in str(error)
    assert "leaky-value" not in str(error)


def test_without_a_schema_every_field_is_taken():
    config = validate_config(None, {"endpoint": "http://localhost", "n": 1})
    assert dict(config) == {"endpoint": "http://localhost", "n": 1}


def test_a_configuration_that_is_no_object_is_refused():
    with pytest.raises(ConfigurationError, match="must be an object, not list"):
        validate_config(SCHEMA, ["api_url"])


def test_references_are_resolved_and_read_as_the_fields_type(monkeypatch, tmp_path):
    monkeypatch.setenv("SIZE", "25")
    monkeypatch.setenv("VERIFY", "false")
    (tmp_path / "key").write_text("canary-from-file\n")
    raw = GOOD | {
        "api_key": {"file": str(tmp_path / "key")},
        "page_size": {"env": "SIZE"},
        "verify": {"env": "VERIFY"},
        "ssl": {"key": {"file": str(tmp_path / "key")}},
    }
    config = validate_config(SCHEMA, raw)
    assert (config["api_key"], config["page_size"], config["verify"]) == ("canary-from-file", 25, False)
    assert config["ssl"]["key"] == "canary-from-file"


def test_a_reference_to_nothing_says_which_variable_and_which_field():
    with pytest.raises(SecretError) as caught:
        validate_config(SCHEMA, GOOD | {"api_key": {"env": "ACME_TEST_NOT_SET"}})
    assert caught.value.code == "secret.missing"
    assert "api_key" in str(caught.value)
    assert "ACME_TEST_NOT_SET" in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(SecretError, match=r"api_key: .*No such file"):
        validate_config(SCHEMA, GOOD | {"api_key": {"file": str(tmp_path / "none")}})


def test_a_secret_is_in_no_picture_of_the_configuration():
    config = validate_config(SCHEMA, GOOD | {"ssl": {"key": "canary-nested"}})
    for picture in (repr(config), str(config), f"{config}", repr(config.redactor)):
        assert "canary" not in picture
    assert MASK in repr(config)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(config)


def test_a_configuration_cannot_be_changed():
    config = validate_config(SCHEMA, GOOD)
    with pytest.raises(TypeError):
        config["api_url"] = "other"
    assert isinstance(config, ConnectorConfig)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"n": {"type": "int"}}, "has the type 'int'"),
        ({"n": {}}, "has the type None"),
        ({"n": {"type": "integer", "defualt": 1}}, "unknown key 'defualt'"),
        ({"n": {"type": "integer", "default": "one"}}, "default of field 'n'"),
    ],
)
def test_a_schema_with_a_mistake_is_the_authors_error(schema, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        config_model(schema)
    assert caught.value.code == "config.schema"


def test_literal_secrets_are_found_in_depth():
    assert literal_secrets(SCHEMA, GOOD | {"ssl": {"key": "x"}}) == ["api_key", "ssl.key"]
    assert literal_secrets(SCHEMA, {"api_key": {"env": "K"}}) == []


def test_json_schema_marks_secrets_and_required_fields():
    document = config_model(SCHEMA).model_json_schema()
    assert document["required"] == ["api_url", "api_key"]
    assert document["properties"]["api_key"]["writeOnly"] is True
    assert document["properties"]["page_size"]["default"] == 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*SCHEMA, "other", ""]), json_values))
def test_any_json_is_either_taken_or_refused_with_a_configuration_error(raw):
    config = None
    with suppress(ConfigurationError):
        config = validate_config(SCHEMA, raw)
    if config is not None:
        json.dumps(dict(config), allow_nan=False)
        assert config["api_url"]
