"""How results reach the disk and come back."""
