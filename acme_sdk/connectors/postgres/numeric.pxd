# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Values of the type ``numeric`` as Postgres sends them: a header of four 16-bit numbers, then digits.

The header has the number of digits, the weight of the first one, a sign, and how many decimals are printed. The
digits are of base 10 000: the first counts 10 000 to the power of its weight, each other a 10 000th of the one
before it.
"""

from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef extern from *:
    """
    typedef unsigned __int128 acme_uint128;
    static const unsigned int ACME_POWERS[] = {1, 10, 100, 1000, 10000};
    """
    ctypedef unsigned long long uint128_t "acme_uint128"
    const uint32_t POWERS "ACME_POWERS"[5]

cdef enum Fault:
    NONE
    INVALID
    NOT_REPRESENTABLE
    TOO_LARGE

cdef enum:
    HEADER = 8  # bytes
    BASE = 10000
    BASE_DIGITS = 4
    HIGHEST_SCALE = 0x3FFF
    # Signs; that of all others is 0.
    NEGATIVE = 0x4000
    NOT_A_NUMBER = 0xC000
    INFINITE = 0xD000
    NEGATIVE_INFINITE = 0xF000


# Numbers come with their highest byte first. Compilers make one load of this.

cdef inline uint16_t read16(const uint8_t* at) noexcept nogil:
    return <uint16_t> (at[0] << 8 | at[1])


cdef inline uint32_t read32(const uint8_t* at) noexcept nogil:
    return <uint32_t> at[0] << 24 | <uint32_t> at[1] << 16 | <uint32_t> at[2] << 8 | at[3]


cdef inline int _decimal_digits(uint32_t digit) noexcept nogil:
    """How many decimal digits a digit has without leading zeros; 0 has one."""
    return 1 + (digit >= 10) + (digit >= 100) + (digit >= 1000)


cdef inline bint _is_valid(const uint8_t* value, int32_t length) noexcept nogil:
    """Tell whether the bytes are a numeric; every other function here relies on it."""
    cdef int32_t at
    if length < HEADER or length != HEADER + 2 * <int32_t> read16(value) or read16(value + 6) > HIGHEST_SCALE:
        return False
    if read16(value + 4) not in (0, NEGATIVE, NOT_A_NUMBER, INFINITE, NEGATIVE_INFINITE):
        return False
    for at in range(HEADER, length, 2):
        if read16(value + at) >= BASE:
            return False
    return True


cdef inline void _multiply_add(uint64_t* words, int count, uint64_t factor, uint64_t summand) noexcept nogil:
    """Multiply a number of some 64-bit words, the lowest first, and add to it."""
    cdef int i
    cdef uint128_t product
    cdef uint64_t carry = summand
    if count == 1:  # most are short
        words[0] = words[0] * factor + summand
        return
    for i in range(count):
        product = <uint128_t> words[i] * factor + carry
        words[i] = <uint64_t> product
        carry = <uint64_t> (product >> 64)


cdef inline void _negate(uint64_t* words, int count) noexcept nogil:
    cdef int i
    cdef uint64_t carry = 1
    for i in range(count):
        words[i] = ~words[i] + carry
        carry = carry and words[i] == 0


cdef inline uint32_t _divided(uint32_t digit, int decimals) noexcept nogil:
    """Divide by a power of 10 that the compiler knows, which takes a fraction of the time."""
    if decimals == 1:
        return digit // 10
    if decimals == 2:
        return digit // 100
    return digit // 1000


cdef inline Fault scaled(
    const uint8_t* value, int32_t length, int precision, int scale, int words, uint64_t* out
) noexcept nogil:
    """Write a value times 10 to the power of the scale, as an integer of so many words that are 0 before."""
    cdef int used = 1 if precision <= 18 else words
    cdef int32_t exponent, at, step
    cdef uint32_t digit, power, shifted
    if not _is_valid(value, length):
        return Fault.INVALID
    if read16(value + 4) & NOT_A_NUMBER == NOT_A_NUMBER:
        return Fault.NOT_REPRESENTABLE
    # Of 10, by which the integer's last decimal digit of the current digit counts.
    exponent = BASE_DIGITS * <int32_t> <int16_t> read16(value + 2) + scale
    if length > HEADER and exponent + _decimal_digits(read16(value + HEADER)) > precision:
        return Fault.NOT_REPRESENTABLE
    for at in range(HEADER, length, 2):
        digit = read16(value + at)
        if exponent >= 0:
            _multiply_add(out, used, BASE, digit)
        elif exponent > -BASE_DIGITS:
            power = POWERS[-exponent]
            shifted = _divided(digit, -exponent)
            if shifted * power != digit:
                return Fault.NOT_REPRESENTABLE
            _multiply_add(out, used, POWERS[BASE_DIGITS + exponent], shifted)
        elif digit:
            return Fault.NOT_REPRESENTABLE
        exponent -= BASE_DIGITS
    exponent += BASE_DIGITS
    while length > HEADER and exponent > 0:
        step = min(exponent, BASE_DIGITS)
        _multiply_add(out, used, POWERS[step], 0)
        exponent -= step
    if read16(value + 4) == NEGATIVE:
        _negate(out, words)
    return Fault.NONE


cdef inline int32_t printed_length(const uint8_t* value, int32_t length) noexcept nogil:
    """How many bytes `print_number` writes; -1 if the value is no numeric."""
    cdef int32_t weight, scale, sign
    if not _is_valid(value, length):
        return -1
    sign = read16(value + 4)
    if sign == NOT_A_NUMBER:
        return 3
    if sign == INFINITE:
        return 8
    if sign == NEGATIVE_INFINITE:
        return 9
    weight, scale = <int16_t> read16(value + 2), read16(value + 6)
    return (sign == NEGATIVE) + _whole_length(value, weight) + (scale + 1 if scale else 0)


cdef inline int32_t _whole_length(const uint8_t* value, int32_t weight) noexcept nogil:
    if weight < 0:
        return 1
    return BASE_DIGITS * weight + _decimal_digits(_digit(value, 0))


cdef inline uint32_t _digit(const uint8_t* value, int32_t index) noexcept nogil:
    """A digit; 0 before the first and after the last one."""
    return read16(value + HEADER + 2 * index) if 0 <= index < read16(value) else 0


cdef inline void print_number(const uint8_t* value, uint8_t* out) noexcept nogil:
    """Write a value as Postgres prints it."""
    cdef int32_t weight, scale, sign, at, whole, place
    sign = read16(value + 4)
    if sign == NOT_A_NUMBER:
        memcpy(out, b"NaN", 3)
        return
    if sign == INFINITE:
        memcpy(out, b"Infinity", 8)
        return
    if sign == NEGATIVE_INFINITE:
        memcpy(out, b"-Infinity", 9)
        return
    if sign == NEGATIVE:
        out[0] = 45  # -
        out += 1
    weight, scale = <int16_t> read16(value + 2), read16(value + 6)
    whole = _whole_length(value, weight)
    # `place` is that of a decimal digit in relation to the point: 0 is the one before it, 1 the one after.
    for at in range(whole):
        place = at - whole + 1
        out[at] = _decimal_digit(value, weight, place)
    if scale:
        out[whole] = 46  # .
        for place in range(1, scale + 1):
            out[whole + place] = _decimal_digit(value, weight, place)


cdef inline uint8_t _decimal_digit(const uint8_t* value, int32_t weight, int32_t place) noexcept nogil:
    """The character at a place after the point, or at 0 and below before it."""
    cdef int32_t group = (place + BASE_DIGITS - 1) >> 2
    return <uint8_t> (48 + _digit(value, weight + group) // POWERS[BASE_DIGITS * group - place] % 10)
