import pytest

from acme_sdk.destination import DestinationConnector
from acme_sdk.errors import ConfigurationError
from acme_sdk.plugins import connector_class, connector_types, load_file
from acme_sdk.source import SourceConnector

SOURCE = """
from acme.sdk import Row, SourceConnector

class {name}(SourceConnector):
    def extract(self, last_run=None):
        yield Row(id=1)
"""


def written(tmp_path, text, name="thing.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_the_specifications_templates_load_as_they_are(spec_connectors):
    assert issubclass(load_file(spec_connectors / "my_source.py")["source"], SourceConnector)
    assert issubclass(load_file(spec_connectors / "my_destination.py")["destination"], DestinationConnector)


def test_built_in_types_are_found_by_their_entry_points():
    assert {"bigquery", "duckdb", "postgres"} <= set(connector_types())
    assert connector_class("postgres", "source").__name__ == "PostgresSource"
    assert connector_class("postgres", "destination").__name__ == "PostgresDestination"


def test_a_file_in_the_folder_is_a_type_and_hides_an_installed_one(tmp_path):
    written(tmp_path, SOURCE.format(name="Ours"), "duckdb.py")
    written(tmp_path, "raise RuntimeError", "_helper.py")
    types = connector_types(tmp_path)
    assert "_helper" not in types
    assert connector_class("duckdb", "source", tmp_path).__name__ == "Ours"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1", "type.empty"),
        ("import nothing_of_that_name", "type.import_failed"),
        ("def broken(:", "type.import_failed"),
        ("from acme.sdk import SourceConnector", "type.empty"),
        (SOURCE.format(name="A") + SOURCE.format(name="B"), "type.ambiguous"),
    ],
)
def test_a_file_without_exactly_one_connector_of_a_role_says_so(tmp_path, text, code):
    with pytest.raises(ConfigurationError) as caught:
        load_file(written(tmp_path, text))
    assert caught.value.code == code
    assert "thing" in caught.value.message


def test_all_says_which_of_several_counts(tmp_path):
    text = SOURCE.format(name="A") + SOURCE.format(name="B") + "__all__ = ['B']\n"
    assert load_file(written(tmp_path, text))["source"].__name__ == "B"


def test_a_missing_file_an_unknown_type_and_a_missing_role_have_their_own_codes(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        load_file(tmp_path / "none.py")
    assert caught.value.code == "file.missing"
    with pytest.raises(ConfigurationError) as caught:
        connector_class("postgers", "source")
    assert caught.value.code == "type.unknown"
    assert "postgres" in (caught.value.hint or "")
    with pytest.raises(ConfigurationError) as caught:
        connector_class("duckdb", "source")
    assert caught.value.code == "type.no_role"
