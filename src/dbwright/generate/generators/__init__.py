"""The generators: one a file. The folder is the list; the file's name is the name, its first line what the generator leaves."""
