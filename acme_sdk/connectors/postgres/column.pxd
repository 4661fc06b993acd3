# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Columns of a block of rows: where their values are, and how they become those of Arrow buffers.

Each function decodes one column. On a value that it cannot decode it leaves its row and the fault in the column.
In the place of NULL there is 0, or nothing.
"""

from libc.stdint cimport INT32_MAX, int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from acme_sdk.connectors.postgres.numeric cimport Fault, printed_length, print_number, read16, read32, scaled


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


cdef inline int32_t length_at(const uint8_t* data, Py_ssize_t place) noexcept nogil:
    return <int32_t> read32(data + place - 4)


cdef inline void mark_valid(Column* column, uint8_t* bits) noexcept nogil:
    cdef Py_ssize_t row
    memset(bits, 0, (column.rows + 7) // 8)
    for row in range(column.rows):
        bits[row >> 3] |= <uint8_t> ((column.places[row] >= 0) << (row & 7))


cdef inline void read_booleans(Column* column, uint8_t* bits) noexcept nogil:
    cdef Py_ssize_t row, place
    memset(bits, 0, (column.rows + 7) // 8)
    for row in range(column.rows):
        place = column.places[row]
        if place < 0:
            continue
        if length_at(column.data, place) != 1:
            column.row, column.fault = row, Fault.INVALID
            return
        bits[row >> 3] |= <uint8_t> ((column.data[place] != 0) << (row & 7))


cdef inline void read_numbers(Column* column, int64_t epoch, int64_t lowest, int64_t highest, Number* out) noexcept nogil:
    cdef Py_ssize_t row, place
    cdef int64_t value
    for row in range(column.rows):
        place = column.places[row]
        if place < 0:
            out[row] = 0
            continue
        if length_at(column.data, place) != sizeof(Number):
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


cdef inline void read_decimals(Column* column, int precision, int scale, int words, uint64_t* out) noexcept nogil:
    cdef Py_ssize_t row, place
    memset(out, 0, column.rows * words * sizeof(uint64_t))
    for row in range(column.rows):
        fetch_ahead(column, row)
        place = column.places[row]
        if place >= 0:
            column.fault = scaled(
                column.data + place, length_at(column.data, place), precision, scale, words, out + row * words
            )
            if column.fault != Fault.NONE:
                column.row = row
                return


cdef inline void read_fixed(Column* column, int width, uint8_t* out) noexcept nogil:
    cdef Py_ssize_t row, place
    for row in range(column.rows):
        place = column.places[row]
        if place < 0:
            memset(out + row * width, 0, width)
        elif length_at(column.data, place) == width:
            memcpy(out + row * width, column.data + place, width)
        else:
            column.row, column.fault = row, Fault.INVALID
            return


cdef inline void add_lengths(Column* column, int version, int32_t* ends) noexcept nogil:
    """Add up the lengths of values that begin with a version byte, unless `version` is 0; find their text."""
    cdef Py_ssize_t row, place
    cdef int32_t end = 0  # cannot overflow: the block is not so large
    cdef int32_t skipped = version != 0
    ends[0] = 0
    for row in range(column.rows):
        fetch_ahead(column, row)
        place = column.places[row]
        if place >= 0:
            if skipped and (length_at(column.data, place) < 1 or column.data[place] != version):
                column.row, column.fault = row, Fault.INVALID
                return
            end += length_at(column.data, place) - skipped
        ends[row + 1] = end


cdef inline void copy_values(Column* column, const int32_t* ends, uint8_t* out) noexcept nogil:
    """Copy the last bytes of each value, as many as its length in `ends`."""
    cdef Py_ssize_t row, place
    cdef int32_t length
    for row in range(column.rows):
        fetch_ahead(column, row)
        place = column.places[row]
        if place >= 0:
            length = ends[row + 1] - ends[row]
            memcpy(out + ends[row], column.data + place + length_at(column.data, place) - length, length)


cdef inline void add_printed_lengths(Column* column, int32_t* ends) noexcept nogil:
    cdef Py_ssize_t row, place
    cdef int64_t end = 0
    cdef int32_t length
    ends[0] = 0
    for row in range(column.rows):
        fetch_ahead(column, row)
        place = column.places[row]
        if place >= 0:
            length = printed_length(column.data + place, length_at(column.data, place))
            end += length
            if length < 0 or end > INT32_MAX:
                column.row, column.fault = row, Fault.INVALID if length < 0 else Fault.TOO_LARGE
                return
        ends[row + 1] = <int32_t> end


cdef inline void print_values(Column* column, const int32_t* ends, uint8_t* out) noexcept nogil:
    cdef Py_ssize_t row, place
    for row in range(column.rows):
        place = column.places[row]
        if place >= 0:
            print_number(column.data + place, out + ends[row])
