"""One verb a file. Each file holds one click command called ``command``; its docstring's first line is the summary."""
