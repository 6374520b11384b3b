"""The command line's verbs, one file each: words are parsed here and a function is called.

Comes in: words. Goes out: a call, its progress, one line and an exit status.
Open first: the file of the verb; files with an underscore are shared by several verbs.
"""
