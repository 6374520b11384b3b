"""Promises held by standing evidence: a corpus of faulty and valid files, readers beside ours, and a fuzzer.

Nothing here is committed as a binary: `corpus` writes every file by code into a folder that is thrown away.

- `entries.Entry`: a file of the corpus, what is wrong with it, and which verdict it has to get.
- `corpus.all_entries()`: every entry, by format (one module each).
- `figures.run_corpus(readers=None)`: gives each file to every reader that is installed and returns figures by fault and
  reader that go into JSON; `test_corpus.py` holds our reader to each entry, peers are only counted.
- `fuzz.run_fuzz(executions=..., seconds=...)`: mutates valid files of each format and returns figures per reader;
  `test_fuzz.py` runs a fixed number.

Modules here are imported as `promises...`, with `tests` on the path, as pytest has it.
"""
