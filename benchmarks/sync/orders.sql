-- The table of the benchmark: {rows} rows of 12 mixed columns, the same ones whenever it is made.
CREATE TABLE orders (
  id          bigint PRIMARY KEY,
  customer_id integer NOT NULL,
  order_uuid  uuid NOT NULL,
  status      text NOT NULL,
  description text NOT NULL,
  amount      numeric(12,2) NOT NULL,
  score       double precision NOT NULL,
  is_paid     boolean NOT NULL,
  order_date  date NOT NULL,
  updated_at  timestamptz NOT NULL,
  meta        jsonb NOT NULL,
  note        text
);
INSERT INTO orders
SELECT i,
  (i * 7919) % 50000,
  md5(i::text)::uuid,
  (ARRAY['new', 'paid', 'shipped', 'returned', 'cancelled'])[1 + i % 5],
  'order ' || i || ' ' || substr(md5((i * 3)::text) || md5((i * 5)::text), 1, 48),
  round(((i * 104729) % 1000000)::numeric / 100, 2),
  sqrt(i::double precision) * 1.000001,
  i % 3 = 0,
  date '2020-01-01' + (i % 1800)::integer,
  timestamptz '2024-01-01 00:00:00+00' + i * interval '1.7 seconds',
  jsonb_build_object('k', i % 100, 'tag', 't' || i % 17, 'items', jsonb_build_array(i % 7, i % 11)),
  CASE WHEN i % 4 > 0 THEN 'note ' || i % 1000 END
FROM generate_series(1::bigint, {rows}::bigint) AS numbers(i);
CREATE INDEX ON orders (updated_at);
