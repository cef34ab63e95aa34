"""Personal data under keys that can be destroyed."""

__all__ = ["key_material", "master_keys", "payloads", "rotation", "stream_keys"]
