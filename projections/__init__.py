"""Read models: what people look at. Written in the event's own transaction, rebuilt from events at any time."""
