"""A connector's life: made, set up, used, torn down exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from acme_sdk.config import ConnectorConfig, validate_config
from acme_sdk.connector import Connector
from acme_sdk.steps import Steps

__all__ = ["open_connector"]

C = TypeVar("C", bound=Connector)


@contextmanager
def open_connector(
    kind: type[C], config: Mapping[str, Any], *, name: str | None = None, steps: Steps | None = None
) -> Iterator[C]:
    """Set a connector up for the time of a ``with`` block.

    ``teardown`` is called once, also when ``setup`` or the block raises or is interrupted; what it raises
    then does not hide the first error. The connector's HTTP session is closed last.

    Args:
        kind: The connector's class.
        config: Its configuration as written, references included; or one that was validated already.
        name: The connector's name, for errors; the class's by default.
        steps: Notes what `Connector.step` says; by default nobody does.

    Yields:
        The connector, set up.

    Raises:
        ConfigurationError: The configuration is wrong or a secret is missing; ``setup`` was not called.
    """
    if not isinstance(config, ConnectorConfig):
        config = validate_config(kind.config_schema(), config, connector=name or kind.__name__)
    connector = kind()
    connector._steps = steps
    try:
        connector.setup(config)
        yield connector
    except BaseException:
        _teardown_quietly(connector)
        raise
    else:
        connector.teardown()
    finally:
        if connector._http is not None:
            connector._http.close()


def _teardown_quietly(connector: Connector) -> None:
    with suppress(Exception):  # the error that led here is the one to show
        connector.teardown()
