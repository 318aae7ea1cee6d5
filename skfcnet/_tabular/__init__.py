"""What turns a table into numbers that a network can learn from."""
