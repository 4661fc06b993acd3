"""One column for each type of Postgres, with the values at its ends, and one for each special value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COLUMNS", "DEFINITIONS", "Column"]

#: What must exist before the table.
DEFINITIONS = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok, \"fine\"', 'happy')",
    "CREATE DOMAIN positive AS numeric(8, 3) CHECK (VALUE > 0)",
    "CREATE TYPE pair AS (a integer, b text)",
)


@dataclass(frozen=True)
class Column:
    """A column of the source's table.

    Attributes:
        kind: Its type.
        values: Its values, as Postgres reads them; further rows are ``NULL``.
        special: What is special about the values; empty for those that every column of the type may have.
    """

    kind: str
    values: tuple[str, ...]
    special: str = ""


def _extremes(digits: int, scale: int) -> tuple[str, ...]:
    """The largest and the smallest number of so many digits, and numbers next to 0."""
    nines = f"{'9' * digits}e{-scale}"
    return nines, f"-{nines}", f"1e{-scale}", f"-1e{-scale}", "0"


_TEXTS = (
    "",
    " ",
    "NULL",
    "\\N",
    '"',
    "'",
    "\\",
    "a,b\tc\r\nd",
    "\x01\x7f",
    "naïve 😀 e\u0301",
    "\ufeff\u200b",
    "x" * 5000,
)
_JSONS = (
    "null",
    '""',
    "{}",
    "[]",
    '{"a": [1, 2.5, null, true, {"b": "ü😀\\n\\" \\\\"}], "": -0.1}',
    "9223372036854775807",
    '"2020-01-01"',
)
_MOMENTS = (
    "0001-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
    "1970-01-01 00:00:00",
    "1969-12-31 23:59:59.999999",
)

_PLAIN = (
    Column("smallint", ("-32768", "32767", "0")),
    Column("integer", ("-2147483648", "2147483647", "0")),
    Column("bigint", ("-9223372036854775808", "9223372036854775807", "0")),
    Column("real", ("3.4028235e38", "-1e-45", "0.1", "-0", "16777216")),
    Column("double precision", ("1.7976931348623157e308", "-5e-324", "0.1", "-0", "9007199254740993")),
    Column("numeric(12,2)", _extremes(12, 2)),
    Column("numeric(9,0)", _extremes(9, 0)),
    Column("numeric(38,9)", _extremes(38, 9)),
    Column("numeric(38,10)", _extremes(38, 10)),
    Column("numeric(38,38)", _extremes(38, 38)),
    Column("numeric(50,20)", _extremes(50, 20)),
    Column("numeric(76,38)", _extremes(76, 38)),
    Column("numeric(100,50)", _extremes(100, 50)),
    Column("numeric(10,-2)", ("999999999900", "-999999999900", "100", "0")),
    Column("numeric(2,4)", ("0.0099", "-0.0001", "0")),
    Column("numeric", ("1.500", "-0.00", "1e60", f"-{'123456789' * 20}.{'987654321' * 20}")),
    Column("money", ("92233720368547758.07", "-92233720368547758.08", "0")),
    Column("boolean", ("true", "false")),
    Column("text", _TEXTS),
    Column("character varying(8)", ("", "a  ", "ÄÖÜäöüß€")),
    Column("character(4)", ("", "a", "äbcd")),
    Column('"char"', ("x", "")),
    Column("name", ("a name",)),
    Column("bytea", ("\\x", "\\x00ff", "\\x" + "00112233445566778899aabbccddeeff" * 200)),
    Column("uuid", ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")),
    Column("date", ("0001-01-01", "9999-12-31", "1970-01-01", "2024-02-29")),
    Column("timestamp", _MOMENTS),
    Column("timestamptz", tuple(f"{moment}+00" for moment in _MOMENTS)),
    Column("time", ("00:00:00", "23:59:59.999999")),
    Column("timetz", ("00:00:00+15:59", "24:00:00-15:59", "12:00:00.000001+05:30")),
    Column(
        "interval", ("178000000 years", "-178000000 years", "1 mon -2 days 00:00:00.000001", "25:00:00", "0")
    ),
    Column("json", (*_JSONS, '{"b": 1,  "a": 2, "a": 3}')),
    Column("jsonb", _JSONS),
    Column("xml", ()),  # the server that comes with the tests is built without it: its values are all NULL
    Column("mood", ("sad", 'ok, "fine"', "happy")),
    Column("positive", ("0.001", "99999.999")),
    Column("pair", ('(1,"a ""b"", c")', "(,)")),
    Column("integer[]", ("{}", "{1,NULL,-2147483648}", "{{1,2},{3,4}}", "[0:1]={5,6}")),
    Column("text[]", ("{}", '{"a,b","\\"q\\"",NULL,"NULL",""}', "{{a,b},{c,d}}")),
    Column("numeric(12,2)[]", ("{1.50,NULL,NaN}",)),
    Column("timestamptz[]", ('{"2024-02-29 12:00:00+00",infinity}',)),
    Column("inet", ("192.168.0.1", "10.0.0.0/8", "::1", "2001:db8::/32")),
    Column("cidr", ("10.0.0.0/8", "2001:db8::/32")),
    Column("macaddr", ("08:00:2b:01:02:03",)),
    Column("macaddr8", ("08:00:2b:01:02:03:04:05",)),
    Column("bit(3)", ("000", "101")),
    Column("bit varying(8)", ("", "10101")),
    Column("tsvector", ("", "'a':1A,2 'it''s':3")),
    Column("tsquery", ("'a' & !'b'",)),
    Column("int4range", ("empty", "[-2147483648,)", "(,5)", "(,)")),
    Column("numrange", ("[1.50,2.5]",)),
    Column("tstzrange", ('["2024-01-01 00:00:00+00",infinity)',)),
    Column("int4multirange", ("{[1,3),[5,8)}", "{}")),
    Column("point", ("(0.1,-1e+300)", "(NaN,Infinity)")),
    Column("polygon", ("((0,0),(1,1),(1,0))",)),
    Column("oid", ("4294967295", "0")),
    Column("xid8", ("18446744073709551615",)),
    Column("pg_lsn", ("FFFFFFFF/FFFFFFFF",)),
    Column("regclass", ("pg_class",)),
    Column("jsonpath", ('$."a"[*]?(@ > 1)',)),
)

_SPECIAL = (
    Column("real", ("NaN", "Infinity", "-Infinity"), "`NaN`, `Infinity`, `-Infinity`"),
    Column("double precision", ("NaN", "Infinity", "-Infinity"), "`NaN`, `Infinity`, `-Infinity`"),
    Column("numeric", ("NaN", "Infinity", "-Infinity"), "`NaN`, `Infinity`, `-Infinity`"),
    Column("numeric(12,2)", ("NaN",), "`NaN`"),
    Column("numeric(50,20)", ("NaN",), "`NaN`"),
    Column("numeric(100,50)", ("NaN",), "`NaN`"),
    Column("date", ("infinity",), "`infinity`"),
    Column("date", ("-infinity",), "`-infinity`"),
    Column("date", ("0044-03-15 BC", "4713-01-01 BC"), "before the year 1"),
    Column("date", ("10000-01-01", "5874897-12-31"), "after the year 9999"),
    Column("timestamp", ("infinity",), "`infinity`"),
    Column("timestamp", ("-infinity",), "`-infinity`"),
    Column("timestamp", ("0044-03-15 12:00:00.000001 BC", "4713-01-01 00:00:00 BC"), "before the year 1"),
    Column("timestamp", ("10000-01-01 00:00:00", "294247-01-10 04:00:54.775806"), "after the year 9999"),
    Column("timestamp", ("294276-12-31 23:59:59.999999",), "from January 10 of the year 294247 on"),
    Column("timestamptz", ("infinity",), "`infinity`"),
    Column("timestamptz", ("-infinity",), "`-infinity`"),
    Column("timestamptz", ("0044-03-15 12:00:00.000001+00 BC",), "before the year 1"),
    Column("timestamptz", ("10000-01-01 00:00:00+00",), "after the year 9999"),
    Column("time", ("24:00:00",), "`24:00:00`"),
    Column(
        "json", ("18446744073709551616", "0.1234567890123456789012345", "1e400"), "numbers beyond 64 bits"
    ),
    Column("jsonb", ("18446744073709551616", "0.1234567890123456789012345"), "numbers beyond 64 bits"),
    Column("json", ('"\\u0000"', '"\\ud800"'), "escapes for what is no text"),
)

#: All columns.
COLUMNS = _PLAIN + _SPECIAL
