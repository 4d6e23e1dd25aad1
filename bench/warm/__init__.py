"""Apps, workers and training processes, forked by a process that has imported all they need.

A training process spends six seconds of a core on imports, and the tests start some thirty; the
kill points start hundreds. What is forked is as real as what is started: a process of its own, the
worker's child, in a process group of its own, killed when its worker is. Only `exec` and the
imports are left out; they are in the tests of the app, of the command line and of the launcher,
which start what users start.

    tests or bench ── template ─┬─ app
                                └─ worker ─┬─ launcher: forked before the worker opens its database
                                           └─ training process: the launcher's grandchild, handed
                                              on when the process between them ends
"""
