-- A tenth of the rows changes, and its updated_at goes beyond that of all others.
UPDATE orders
SET status = 'changed', amount = amount + 1,
    updated_at = timestamptz '2035-01-01 00:00:00+00' + id * interval '1 millisecond'
WHERE id % 10 = 0;
