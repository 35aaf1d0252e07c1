"""Where the program of a child process runs: in this environment or in another one."""
