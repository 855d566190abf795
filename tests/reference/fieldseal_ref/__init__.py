"""A second implementation of the fieldseal format, written from docs/FORMAT.md.

For checking the first implementation only. It is slow, keeps secrets in
ordinary memory and compares nothing against side channels beyond what the
format demands: never use it in production.
"""
