"""The built-in connector types, one package each."""
