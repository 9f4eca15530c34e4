"""From verdict values to text: values, rows, text, in that order. A renderer decides nothing."""
