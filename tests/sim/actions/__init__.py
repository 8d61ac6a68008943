"""How each action is answered."""
