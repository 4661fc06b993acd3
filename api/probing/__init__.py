"""Connectors that are asked: in processes of their own, and only where they may lead."""
