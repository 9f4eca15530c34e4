"""The metrics of the closed table, of one flow: values with their intervals, and expectations held against them.

Law: a metric means the same in a table, a symptom and an expectation, for it is measured in one place.
"""
