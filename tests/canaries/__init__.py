"""Canaries: words that stand nowhere else, planted where images and tables tell of patients, and looked for in all that comes out.

`figure.take` plants them, runs the verbs in success and in failure, and says how many came out.
"""
