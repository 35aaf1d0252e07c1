"""The grammar of studies: from a file and a command line to the cells of a study."""
