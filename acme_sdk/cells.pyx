# cython: language_level=3, boundscheck=False, wraparound=False
"""Rows taken apart into the values of their columns; see ``cells.pyi``."""

from cpython.dict cimport PyDict_GetItemWithError, PyDict_Size
from cpython.ref cimport PyObject

__all__ = ["take_apart"]


def take_apart(list rows, list names):
    cdef Py_ssize_t count = len(names)
    cdef Py_ssize_t place, missing
    cdef PyObject* found
    cdef object value
    cdef list columns = [[] for _ in range(count)]
    cdef list classes = [set() for _ in range(count)]
    # The class that a column's last value had: most have the same again.
    cdef list last = [None] * count
    for row in rows:
        missing = 0
        for place in range(count):
            found = PyDict_GetItemWithError(row, names[place])
            if found is NULL:
                missing += 1
                value = None
            else:
                value = <object>found
            (<list>columns[place]).append(value)
            if value is not None and type(value) is not last[place]:
                last[place] = type(value)
                (<set>classes[place]).add(type(value))
        if PyDict_Size(row) > count - missing:
            return None
    return list(zip(columns, classes))
