"""The outside world and nothing else: engine, topology, bump, server, clients, capture, session, cleanup."""
