"""The server: an arbiter of gunicorn, and workers that run waitress' loop."""
