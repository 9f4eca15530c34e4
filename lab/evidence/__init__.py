"""The run folder: its names, its one writer (`store`), and readers that refuse truncated or foreign data by name."""
