"""The relay to NATS JetStream, with a real server."""
