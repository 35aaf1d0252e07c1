"""The traffic on a server: when requests are sent, and which of them belong to the window."""
