"""The face of Acme Connectors: ``from acme.sdk import …`` and the ``acme`` command."""
