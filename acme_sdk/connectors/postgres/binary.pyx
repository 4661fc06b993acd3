# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Rows as ``COPY … (FORMAT binary)`` sends them, taken apart into Arrow buffers; see ``binary.pyi``.

A `Block` finds the place of every value in one walk over the rows, and checks each length against the block.
Its other methods turn one column at a time into buffers: they rely on the places, and check what is there.
None holds the interpreter's lock while it works.
"""

from libc.stdint cimport INT32_MAX, INT64_MAX, INT64_MIN, int16_t, int32_t, int64_t, uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from acme_sdk.connectors.postgres.numeric cimport Fault, printed_length, print_number, read16, read32, scaled

from pyarrow import allocate_buffer

__all__ = ["Block", "InvalidDataError", "NotRepresentableError"]

cdef extern from *:
    """
    /* A macro, since compilers leave out calls of functions that only prefetch. */
    #define ACME_ROWS_AHEAD 16
    #define acme_fetch_ahead(column, row) \\
        if ((row) + ACME_ROWS_AHEAD < (column)->rows) \\
            __builtin_prefetch((column)->data + (column)->places[(row) + ACME_ROWS_AHEAD])
    """
    # Has a value that comes soon fetched from memory, which takes longer than to decode one.
    void fetch_ahead "acme_fetch_ahead"(Column* column, Py_ssize_t row) noexcept nogil

ctypedef fused Number:
    int16_t
    int32_t
    int64_t

cdef struct Column:
    const uint8_t* data
    const int32_t* places  # where each value begins; -1 for NULL
    Py_ssize_t rows
    Py_ssize_t row  # how far decoding came
    Fault fault  # why it did not come to the end


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
            _booleans(&column, out)
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
                _numbers(&column, epoch, lowest, highest, <int16_t*> out)
            elif width == 4:
                _numbers(&column, epoch, lowest, highest, <int32_t*> out)
            else:
                _numbers(&column, epoch, lowest, highest, <int64_t*> out)
        return self._finished(index, column, values)

    def decimals(self, Py_ssize_t index, int precision, int scale):
        cdef Column column = self._column(index)
        cdef int words = 2 if precision <= 38 else 4
        if not 0 <= scale <= precision <= 76:
            raise ValueError(f"no decimal has {precision} digits, {scale} of them after the point")
        values = allocate_buffer(column.rows * words * 8)
        cdef uint8_t* out = _address(values)
        with nogil:
            _decimals(&column, precision, scale, words, <uint64_t*> out)
        return self._finished(index, column, values)

    def fixed(self, Py_ssize_t index, int width):
        cdef Column column = self._column(index)
        values = allocate_buffer(column.rows * width)
        cdef uint8_t* out = _address(values)
        with nogil:
            _fixed(&column, width, out)
        return self._finished(index, column, values)

    def variable(self, Py_ssize_t index, int version=0):
        cdef Column column = self._column(index)
        offsets = allocate_buffer((column.rows + 1) * 4)
        cdef int32_t* ends = <int32_t*> _address(offsets)
        with nogil:
            _lengths(&column, version, ends)
        validity, _ = self._finished(index, column, offsets)
        values = allocate_buffer(ends[column.rows])
        cdef uint8_t* out = _address(values)
        with nogil:
            _copy(&column, ends, out)
        return validity, offsets, values

    def printed_numbers(self, Py_ssize_t index):
        cdef Column column = self._column(index)
        offsets = allocate_buffer((column.rows + 1) * 4)
        cdef int32_t* ends = <int32_t*> _address(offsets)
        with nogil:
            _printed_lengths(&column, ends)
        validity, _ = self._finished(index, column, offsets)
        values = allocate_buffer(ends[column.rows])
        cdef uint8_t* out = _address(values)
        with nogil:
            _print(&column, ends, out)
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
            value = self._data[place : place + _length(column.data, place)]
            if column.fault == Fault.NOT_REPRESENTABLE:
                raise NotRepresentableError(value)
            if column.fault == Fault.TOO_LARGE:
                raise OverflowError("more than 2 GiB in one column of a batch")
            raise InvalidDataError(f"row {column.row + 1} of the block: the value is none of its type")
        if not self._nulls[index]:
            return None, values
        validity = allocate_buffer((column.rows + 7) // 8)
        _mark(&column, _address(validity))
        return validity, values


cdef uint8_t* _address(buffer) except? NULL:
    return <uint8_t*> <uintptr_t> buffer.address


cdef inline int32_t _length(const uint8_t* data, Py_ssize_t place) noexcept nogil:
    return <int32_t> read32(data + place - 4)


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


cdef void _mark(Column* column, uint8_t* bits) noexcept nogil:
    cdef Py_ssize_t row
    memset(bits, 0, (column.rows + 7) // 8)
    for row in range(column.rows):
        bits[row >> 3] |= <uint8_t> ((column.places[row] >= 0) << (row & 7))


# What follows decodes one column each. On a value that it cannot decode it leaves its row and the fault in the
# column. In the place of NULL there is 0, or nothing.

cdef void _booleans(Column* column, uint8_t* bits) noexcept nogil:
    cdef Py_ssize_t row, place
    memset(bits, 0, (column.rows + 7) // 8)
    for row in range(column.rows):
        place = column.places[row]
        if place < 0:
            continue
        if _length(column.data, place) != 1:
            column.row, column.fault = row, Fault.INVALID
            return
        bits[row >> 3] |= <uint8_t> ((column.data[place] != 0) << (row & 7))


cdef void _numbers(Column* column, int64_t epoch, int64_t lowest, int64_t highest, Number* out) noexcept nogil:
    cdef Py_ssize_t row, place
    cdef int64_t value
    for row in range(column.rows):
        place = column.places[row]
        if place < 0:
            out[row] = 0
            continue
        if _length(column.data, place) != sizeof(Number):
            column.row, column.fault = row, Fault.INVALID
            return
        if Number is int16_t:
            value = <int16_t> read16(column.data + place)
        elif Number is int32_t:
            value = <int32_t> read32(column.data + place)
        else:
            value = <int64_t> (<uint64_t> read32(column.data + place) << 32 | read32(column.data + place + 4))
        if not lowest <= value <= highest:
            column.row, column.fault = row, Fault.NOT_REPRESENTABLE
            return
        out[row] = <Number> (value + epoch)


cdef void _decimals(Column* column, int precision, int scale, int words, uint64_t* out) noexcept nogil:
    cdef Py_ssize_t row, place
    memset(out, 0, column.rows * words * sizeof(uint64_t))
    for row in range(column.rows):
        fetch_ahead(column, row)
        place = column.places[row]
        if place >= 0:
            column.fault = scaled(
                column.data + place, _length(column.data, place), precision, scale, words, out + row * words
            )
            if column.fault != Fault.NONE:
                column.row = row
                return


cdef void _fixed(Column* column, int width, uint8_t* out) noexcept nogil:
    cdef Py_ssize_t row, place
    for row in range(column.rows):
        place = column.places[row]
        if place < 0:
            memset(out + row * width, 0, width)
        elif _length(column.data, place) == width:
            memcpy(out + row * width, column.data + place, width)
        else:
            column.row, column.fault = row, Fault.INVALID
            return


cdef void _lengths(Column* column, int version, int32_t* ends) noexcept nogil:
    """Add up the lengths of values that begin with a version byte, unless `version` is 0; find their text."""
    cdef Py_ssize_t row, place
    cdef int32_t end = 0  # cannot overflow: the block is not so large
    cdef int32_t skipped = version != 0
    ends[0] = 0
    for row in range(column.rows):
        fetch_ahead(column, row)
        place = column.places[row]
        if place >= 0:
            if skipped and (_length(column.data, place) < 1 or column.data[place] != version):
                column.row, column.fault = row, Fault.INVALID
                return
            end += _length(column.data, place) - skipped
        ends[row + 1] = end


cdef void _copy(Column* column, const int32_t* ends, uint8_t* out) noexcept nogil:
    """Copy the last bytes of each value, as many as its length in `ends`."""
    cdef Py_ssize_t row, place
    cdef int32_t length
    for row in range(column.rows):
        fetch_ahead(column, row)
        place = column.places[row]
        if place >= 0:
            length = ends[row + 1] - ends[row]
            memcpy(out + ends[row], column.data + place + _length(column.data, place) - length, length)


cdef void _printed_lengths(Column* column, int32_t* ends) noexcept nogil:
    cdef Py_ssize_t row, place
    cdef int64_t end = 0
    cdef int32_t length
    ends[0] = 0
    for row in range(column.rows):
        fetch_ahead(column, row)
        place = column.places[row]
        if place >= 0:
            length = printed_length(column.data + place, _length(column.data, place))
            end += length
            if length < 0 or end > INT32_MAX:
                column.row, column.fault = row, Fault.INVALID if length < 0 else Fault.TOO_LARGE
                return
        ends[row + 1] = <int32_t> end


cdef void _print(Column* column, const int32_t* ends, uint8_t* out) noexcept nogil:
    cdef Py_ssize_t row, place
    for row in range(column.rows):
        place = column.places[row]
        if place >= 0:
            print_number(column.data + place, out + ends[row])
