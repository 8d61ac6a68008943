"""What is measured against hand labels."""
