"""A server on the loopback that stands in for OpenRouter: the demo, its faults, and any script."""

from hermes_magic.offline.demo import DemoServer
from hermes_magic.offline.messages import Cut, Exchange, Pause, Request, Response
from hermes_magic.offline.server import Server

__all__ = ["Cut", "DemoServer", "Exchange", "Pause", "Request", "Response", "Server"]
