"""Studies on several device groups: a cycle is handed out as a task, a worker makes its runs, and one process merges the rows."""
