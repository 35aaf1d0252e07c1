"""One experiment measured by several processes side by side."""
