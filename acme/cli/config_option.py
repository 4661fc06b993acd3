"""``--config JSON|@FILE|-``: a connector's configuration on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["read_config"]


def read_config(_: click.Context, __: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """Return the configuration that is given as JSON, as ``@FILE`` or on standard input.

    Raises:
        click.BadParameter: It is no JSON object; the error never shows what was given.
    """
    if value is None:
        return None
    try:
        if value == "-":
            text = sys.stdin.read()
        elif value.startswith("@"):
            text = Path(value[1:]).read_text(encoding="utf-8")
        else:
            text = value
        config: Any = json.loads(text)
    except OSError as error:
        raise click.BadParameter(f"{value[1:]} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.BadParameter("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise click.BadParameter(
            f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}. "
            """Write it like '{"field": "value"}', or @FILE, or - for standard input."""
        ) from None
    if not isinstance(config, dict):
        raise click.BadParameter('it must be a JSON object like {"field": "value"}')
    return config
