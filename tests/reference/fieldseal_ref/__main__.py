"""`python3 -m fieldseal_ref`: JSON lines on stdin, JSON lines on stdout."""

from .serve import main

main()
