"""What a parent and a child exchange besides the request: the lock of the owner, and the variables of a container."""
