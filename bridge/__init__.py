"""mef-bridge: a MEF 137 API in front of a legacy workforce-management system on RabbitMQ."""

__version__ = "0.1.0"
