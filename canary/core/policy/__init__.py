"""The policy file: its notations, its model, and text to policy with an error for every line that is wrong."""
