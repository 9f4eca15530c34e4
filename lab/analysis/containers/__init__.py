"""What each container was given and what it did with it: CPU, drops in its namespace, hold-ups, how punctual it was.

Law: nobody is blamed here; these are times and counts for others to lay damage at.
"""
