"""Stand-ins for the outside world, with its oddities."""
