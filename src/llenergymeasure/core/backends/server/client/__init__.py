"""Sends requests to a server and takes the times at which its tokens arrive."""
