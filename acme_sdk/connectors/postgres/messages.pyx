# cython: language_level=3
"""Messages of a COPY, joined as they come; see ``messages.pyi``."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from libc.string cimport memcpy

__all__ = ["MessageBuffer"]


cdef extern from "Python.h":
    PyObject* new_bytes "PyBytes_FromStringAndSize"(const char* text, Py_ssize_t size) except NULL
    int resize_bytes "_PyBytes_Resize"(PyObject** text, Py_ssize_t size) except -1
    char* start_of "PyBytes_AS_STRING"(PyObject* text) noexcept


# The C library (glibc) hands memory of a block's size back to the system whenever a block is freed, and to get
# each page of the next one anew takes a sixth of our time. Once a larger piece was freed, it keeps blocks.
PyMem_RawFree(PyMem_RawMalloc(4 << 20))


cdef class MessageBuffer:
    """Messages, one after the other, in an object that `take` hands out without another copy."""

    cdef PyObject* _bytes
    cdef Py_ssize_t _capacity
    cdef readonly Py_ssize_t count
    cdef readonly Py_ssize_t nbytes
    cdef readonly Py_ssize_t last

    def __dealloc__(self):
        Py_XDECREF(self._bytes)

    def fill(self, next_message, Py_ssize_t enough):
        cdef Py_ssize_t length = 1
        while self.nbytes < enough:
            length, message = next_message(1)
            if length <= 0:
                break
            self.append(message, enough)
        return length

    cpdef append(self, message, Py_ssize_t expected=0):
        cdef Py_buffer content
        PyObject_GetBuffer(message, &content, PyBUF_SIMPLE)
        try:
            self._add(&content, expected)
        finally:
            PyBuffer_Release(&content)

    cdef _add(self, const Py_buffer* message, Py_ssize_t expected):
        cdef Py_ssize_t needed = self.nbytes + message.len
        if needed > self._capacity or self._bytes == NULL:
            self._reserve(max(needed, expected + 4096, 2 * self._capacity))
        memcpy(start_of(self._bytes) + self.nbytes, message.buf, message.len)
        self.nbytes = needed
        self.last = message.len
        self.count += 1

    def take(self):
        cdef bytes taken
        if self._bytes == NULL:
            return b""
        resize_bytes(&self._bytes, self.nbytes)
        taken = <bytes> self._bytes
        Py_XDECREF(self._bytes)
        self._bytes = NULL
        self._capacity = self.nbytes = self.count = self.last = 0
        return taken

    cdef _reserve(self, Py_ssize_t capacity):
        self._capacity = 0
        if self._bytes == NULL:
            self._bytes = new_bytes(NULL, capacity)
        else:
            resize_bytes(&self._bytes, capacity)
        self._capacity = capacity
