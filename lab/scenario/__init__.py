"""Scenarios: YAML in, one frozen value out. Everything a user can get wrong is refused here, by file and line."""
