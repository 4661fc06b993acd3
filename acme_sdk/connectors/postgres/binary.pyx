# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Rows as ``COPY … (FORMAT binary)`` sends them, taken apart into Arrow buffers; see ``binary.pyi``.

A `Block` finds the place of every value in one walk over the rows, and checks each length against the block.
Its other methods turn one column at a time into buffers: they rely on the places, and check what is there.
None holds the interpreter's lock while it works.
"""

from libc.stdint cimport INT32_MAX, INT64_MAX, INT64_MIN, int16_t, int32_t, int64_t, uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc

from acme_sdk.connectors.postgres.column cimport (
    Column,
    add_lengths,
    add_printed_lengths,
    copy_values,
    length_at,
    mark_valid,
    print_values,
    read_booleans,
    read_decimals,
    read_fixed,
    read_numbers,
)
from acme_sdk.connectors.postgres.numeric cimport Fault, read16, read32

from pyarrow import allocate_buffer

__all__ = ["Block", "InvalidDataError", "NotRepresentableError"]


class InvalidDataError(ValueError):
    """Bytes that Postgres would not have sent."""


class NotRepresentableError(ValueError):
    """A value without a place in its column's type; ``value`` has its bytes."""

    def __init__(self, value):
        super().__init__("a value has no place in its column's type")
        self.value = value


cdef class Block:
    """Whole rows, and where their values are."""

    cdef bytes _data
    cdef Py_ssize_t _columns
    cdef readonly Py_ssize_t rows
    cdef int32_t* _places  # of the first column's values, then of the second's, …
    cdef Py_ssize_t* _nulls

    def __cinit__(self, bytes data, Py_ssize_t columns, Py_ssize_t rows):
        cdef Py_ssize_t size = len(data), end
        cdef const uint8_t* start = data
        # A row begins with 2 bytes, a value with 4: more rows cannot be there, nor need memory.
        if size > INT32_MAX or not 0 <= columns <= INT32_MAX or not 0 <= rows <= size // (2 + 4 * columns):
            raise InvalidDataError(f"{size} bytes are not {rows} rows of {columns} columns")
        self._data, self._columns, self.rows = data, columns, rows
        self._places = <int32_t*> malloc(max(1, columns * rows) * sizeof(int32_t))
        self._nulls = <Py_ssize_t*> calloc(max(1, columns), sizeof(Py_ssize_t))
        if self._places == NULL or self._nulls == NULL:
            raise MemoryError
        with nogil:
            end = _locate(start, size, columns, rows, self._places, self._nulls)
        if end != size:
            raise InvalidDataError(f"{rows} rows of {columns} columns should end at byte {size}, and break off at {end}")

    def __dealloc__(self):
        free(self._places)
        free(self._nulls)

    def booleans(self, Py_ssize_t index):
        cdef Column column = self._column(index)
        values = allocate_buffer((column.rows + 7) // 8)
        cdef uint8_t* out = _address(values)
        with nogil:
            read_booleans(&column, out)
        return self._finished(index, column, values)

    def numbers(
        self, Py_ssize_t index, int width, int64_t epoch=0, int64_t lowest=INT64_MIN, int64_t highest=INT64_MAX
    ):
        cdef Column column = self._column(index)
        values = allocate_buffer(column.rows * width)
        cdef uint8_t* out = _address(values)
        if width not in (2, 4, 8):
            raise ValueError(f"no number has {width} bytes")
        with nogil:
            if width == 2:
                read_numbers(&column, epoch, lowest, highest, <int16_t*> out)
            elif width == 4:
                read_numbers(&column, epoch, lowest, highest, <int32_t*> out)
            else:
                read_numbers(&column, epoch, lowest, highest, <int64_t*> out)
        return self._finished(index, column, values)

    def decimals(self, Py_ssize_t index, int precision, int scale):
        cdef Column column = self._column(index)
        cdef int words = 2 if precision <= 38 else 4
        if not 0 <= scale <= precision <= 76:
            raise ValueError(f"no decimal has {precision} digits, {scale} of them after the point")
        values = allocate_buffer(column.rows * words * 8)
        cdef uint8_t* out = _address(values)
        with nogil:
            read_decimals(&column, precision, scale, words, <uint64_t*> out)
        return self._finished(index, column, values)

    def fixed(self, Py_ssize_t index, int width):
        cdef Column column = self._column(index)
        values = allocate_buffer(column.rows * width)
        cdef uint8_t* out = _address(values)
        with nogil:
            read_fixed(&column, width, out)
        return self._finished(index, column, values)

    def variable(self, Py_ssize_t index, int version=0):
        cdef Column column = self._column(index)
        offsets = allocate_buffer((column.rows + 1) * 4)
        cdef int32_t* ends = <int32_t*> _address(offsets)
        with nogil:
            add_lengths(&column, version, ends)
        validity, _ = self._finished(index, column, offsets)
        values = allocate_buffer(ends[column.rows])
        cdef uint8_t* out = _address(values)
        with nogil:
            copy_values(&column, ends, out)
        return validity, offsets, values

    def printed_numbers(self, Py_ssize_t index):
        cdef Column column = self._column(index)
        offsets = allocate_buffer((column.rows + 1) * 4)
        cdef int32_t* ends = <int32_t*> _address(offsets)
        with nogil:
            add_printed_lengths(&column, ends)
        validity, _ = self._finished(index, column, offsets)
        values = allocate_buffer(ends[column.rows])
        cdef uint8_t* out = _address(values)
        with nogil:
            print_values(&column, ends, out)
        return validity, offsets, values

    cdef Column _column(self, Py_ssize_t index) except *:
        cdef Column column
        if not 0 <= index < self._columns:
            raise IndexError(f"there is no column {index}")
        column.data = self._data
        column.places = self._places + index * self.rows
        column.rows = self.rows
        column.row = 0
        column.fault = Fault.NONE
        return column

    cdef _finished(self, Py_ssize_t index, Column column, values):
        """The column's buffers, unless there is a fault."""
        if column.fault != Fault.NONE:
            place = column.places[column.row]
            value = self._data[place : place + length_at(column.data, place)]
            if column.fault == Fault.NOT_REPRESENTABLE:
                raise NotRepresentableError(value)
            if column.fault == Fault.TOO_LARGE:
                raise OverflowError("more than 2 GiB in one column of a batch")
            raise InvalidDataError(f"row {column.row + 1} of the block: the value is none of its type")
        if not self._nulls[index]:
            return None, values
        validity = allocate_buffer((column.rows + 7) // 8)
        mark_valid(&column, _address(validity))
        return validity, values


cdef uint8_t* _address(buffer) except? NULL:
    return <uint8_t*> <uintptr_t> buffer.address


cdef Py_ssize_t _locate(
    const uint8_t* data, Py_ssize_t size, Py_ssize_t columns, Py_ssize_t rows, int32_t* places, Py_ssize_t* nulls
) noexcept nogil:
    """Find all values; return where the last one ends, or where the rows cannot be followed any further."""
    cdef Py_ssize_t row, column, at = 0
    cdef int32_t length
    for row in range(rows):
        if size - at < 2 or read16(data + at) != columns:
            return at
        at += 2
        for column in range(columns):
            if size - at < 4:
                return at
            length = <int32_t> read32(data + at)
            if length == -1:
                places[column * rows + row] = -1
                nulls[column] += 1
                at += 4
            elif 0 <= length <= size - at - 4:
                places[column * rows + row] = <int32_t> (at + 4)
                at += 4 + length
            else:
                return at
    return at
