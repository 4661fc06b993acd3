"""Telling people and programs that the state of a connector has changed."""

from acme_orchestration.alerts.change import Alert, StateChange
from acme_orchestration.alerts.email import EmailAlert
from acme_orchestration.alerts.slack import SlackAlert
from acme_orchestration.alerts.webhook import WebhookAlert

__all__ = ["Alert", "EmailAlert", "SlackAlert", "StateChange", "WebhookAlert"]
