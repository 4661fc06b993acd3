"""A Flask endpoint that sends the same bytes again and again: as fast as this server and framework can be."""

from __future__ import annotations

import sys
from pathlib import Path

from flask import Flask, Response
from waitress.server import create_server


def main() -> None:
    """Serve a file on a free port, which goes to standard output."""
    body = Path(sys.argv[1]).read_bytes()
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: Response(body, content_type="application/json"))
    server = create_server(app, host="127.0.0.1", port=0, threads=8)
    print(f"http://127.0.0.1:{server.effective_port}/", flush=True)
    server.run()


if __name__ == "__main__":
    main()
