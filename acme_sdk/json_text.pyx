# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""JSON texts of many values, one after the other in one buffer; see ``json_text.pyi``."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.ref cimport PyObject
from libc.math cimport isfinite
from libc.stdint cimport INT32_MAX, int32_t, uint8_t
from libc.string cimport memcpy, strlen

__all__ = ["write_json"]

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1
    char* PyOS_double_to_string(double number, char code, int precision, int flags, int* kind) except NULL
    bint PyDict_Next(object mapping, Py_ssize_t* place, PyObject** key, PyObject** value)
    int Py_DTSF_ADD_DOT_0

cdef enum:
    DEEPEST = 100  # beyond, the other writer says how deep is too deep

cdef const char* HEX = "0123456789abcdef"


cdef class Writer:
    """A buffer that grows."""

    cdef uint8_t* data
    cdef Py_ssize_t size
    cdef Py_ssize_t room

    def __dealloc__(self):
        PyMem_Free(self.data)

    cdef uint8_t* reserve(self, Py_ssize_t more) except NULL:
        """Return where the next bytes go, of which there is room for so many."""
        cdef void* grown
        if self.room - self.size < more:
            grown = PyMem_Realloc(self.data, 2 * (self.room + more))
            if grown is NULL:
                raise MemoryError
            self.data = <uint8_t*>grown
            self.room = 2 * (self.room + more)
        return self.data + self.size

    cdef int put(self, const char* text, Py_ssize_t size) except -1:
        memcpy(self.reserve(size), text, size)
        self.size += size
        return 0

    cdef int put_text(self, str text) except -1:
        cdef Py_ssize_t size, index
        cdef const uint8_t* source = <const uint8_t*>PyUnicode_AsUTF8AndSize(text, &size)
        cdef uint8_t* begin = self.reserve(6 * size + 2)  # as if each had to be written as \u00XX
        cdef uint8_t* target = begin
        cdef uint8_t byte
        target[0] = c'"'
        target += 1
        for index in range(size):
            byte = source[index]
            if byte >= 0x20 and byte != c'"' and byte != c"\\":
                target[0] = byte
                target += 1
            else:
                target += escaped(target, byte)
        target[0] = c'"'
        self.size += target + 1 - begin
        return 0

    cdef int put_integer(self, long long number) except -1:
        cdef uint8_t[20] digits
        cdef Py_ssize_t first = 20
        cdef unsigned long long rest = <unsigned long long>number
        if number < 0:
            rest = -rest
        while True:
            first -= 1
            digits[first] = c"0" + rest % 10
            rest //= 10
            if not rest:
                break
        if number < 0:
            self.put("-", 1)
        return self.put(<const char*>digits + first, 20 - first)

    cdef int put_float(self, double number) except -1:
        cdef char* text = PyOS_double_to_string(number, c"r", 0, Py_DTSF_ADD_DOT_0, NULL)
        try:
            return self.put(text, strlen(text))
        finally:
            PyMem_Free(text)

    cdef bint put_value(self, object value, int depth) except -1:
        """Write a value, and tell whether it is one that this writer can write."""
        cdef int overflow = 0
        cdef long long number
        if type(value) is str:
            self.put_text(<str>value)
        elif type(value) is int:
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow:
                return False
            self.put_integer(number)
        elif value is None:
            self.put("null", 4)
        elif value is True:
            self.put("true", 4)
        elif value is False:
            self.put("false", 5)
        elif type(value) is float:
            if not isfinite(<double>value):
                return False
            self.put_float(<double>value)
        elif depth == DEEPEST:
            return False
        elif type(value) is dict:
            return self.put_object(<dict>value, depth + 1)
        elif type(value) is list:
            return self.put_array(<list>value, depth + 1)
        else:
            return False
        return True

    cdef bint put_object(self, dict members, int depth) except -1:
        cdef Py_ssize_t place = 0
        cdef PyObject* key
        cdef PyObject* value
        cdef bint first = True
        self.put("{", 1)
        while PyDict_Next(members, &place, &key, &value):
            if type(<object>key) is not str:
                return False
            if not first:
                self.put(",", 1)
            first = False
            self.put_text(<str><object>key)
            self.put(":", 1)
            if not self.put_value(<object>value, depth):
                return False
        self.put("}", 1)
        return True

    cdef bint put_array(self, list items, int depth) except -1:
        cdef bint first = True
        self.put("[", 1)
        for item in items:
            if not first:
                self.put(",", 1)
            first = False
            if not self.put_value(item, depth):
                return False
        self.put("]", 1)
        return True


cdef Py_ssize_t escaped(uint8_t* target, uint8_t byte) noexcept:
    """Write a character that JSON has no place for as it is, and return the length."""
    cdef const char* pairs = "\"\"\\\\\nn\rr\tt\bb\ff"
    target[0] = c"\\"
    while pairs[0]:
        if <uint8_t>pairs[0] == byte:
            target[1] = pairs[1]
            return 2
        pairs += 2
    memcpy(target + 1, "u00", 3)
    target[4] = HEX[byte >> 4]
    target[5] = HEX[byte & 15]
    return 6


def write_json(list values, other):
    cdef Writer writer = Writer()
    cdef Py_ssize_t begin, number = 0
    cdef bytes offsets = PyBytes_FromStringAndSize(NULL, 4 * (len(values) + 1))
    cdef int32_t* places = <int32_t*><char*>offsets
    places[0] = 0
    for value in values:
        if value is not None:
            begin = writer.size
            if not writer.put_value(value, 0):
                writer.size = begin
                text = other(value).encode()
                writer.put(<const char*>text, len(text))
            if writer.size > INT32_MAX:
                raise OverflowError("more than 2 GiB of JSON")
        number += 1
        places[number] = <int32_t>writer.size
    return offsets, PyBytes_FromStringAndSize(<const char*>writer.data, writer.size)
