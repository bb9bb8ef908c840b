-- Tables as applications have them: skewed keys, many NULLs, texts of uneven length, arrays, jsonb, uuid.
create extension pg_trgm;
select setseed(0.5);
create type severity as enum ('debug', 'info', 'warning', 'error');

create table account (
    id bigint generated always as identity primary key,
    email varchar(254) not null,
    name text not null,
    country char(2) not null,
    joined_at timestamptz not null,
    referrer_id bigint,
    token uuid not null,
    balance numeric(12, 2) not null,
    is_active boolean not null
);
insert into account (email, name, country, joined_at, referrer_id, token, balance, is_active)
select substr(md5(i::text), 1, 3 + (random() * 20)::int) || i || '@' || (array['example.com', 'mail.example.org', 'post.test'])[1 + (random() * 2)::int],
       initcap(substr(md5((i % 7919)::text), 1, 4 + i % 9)) || ' ' || initcap(substr(md5((i % 997)::text), 1, 5 + i % 7)),
       (array['de', 'fr', 'us', 'us', 'us', 'gb', 'in', 'br'])[1 + (random() * random() * 7.99)::int % 8],
       timestamptz '2022-01-01' + i * interval '7 minutes' + random() * interval '3 minutes',
       case when random() < 0.2 then (random() * i)::bigint + 1 end,
       md5(i::text || 'x')::uuid,
       round((random() * random() * 10000)::numeric, 2),
       random() < 0.93
from generate_series(1, 150000) i;

create table event (
    id bigint generated always as identity primary key,
    account_id bigint not null references account,
    kind text not null,
    level severity not null,
    status text not null,
    happened_at timestamptz not null,
    day date not null,
    duration real,
    score double precision,
    client inet,
    note text,
    parent_id bigint,
    payload jsonb not null,
    tags text[] not null,
    numbers int[] not null,
    spent interval,
    small smallint not null
);
insert into event (account_id, kind, level, status, happened_at, day, duration, score, client, note, parent_id, payload, tags, numbers, spent, small)
select 1 + (149999 * random() ^ 3)::int,
       (array['login', 'logout', 'page view', 'page view', 'page view', 'checkout started', 'payment', 'refund requested'])[1 + (random() * 7)::int],
       (array['debug', 'info', 'info', 'info', 'warning', 'error'])[1 + (random() * 5)::int]::severity,
       case when random() < 0.95 then 'done' when random() < 0.8 then 'waiting' else 'failed' end,
       timestamptz '2024-01-01' + i * interval '20 seconds' + random() * interval '10 minutes',
       date '2024-01-01' + (i / 4320),
       case when random() < 0.5 then (random() * 1000)::real end,
       random() * 100,
       ('10.' || (random() * 3)::int || '.' || (random() * 255)::int || '.' || (random() * 255)::int)::inet,
       case when random() < 0.3 then (select string_agg(substr(md5((i * 31 + w)::text), 1, 3 + w), ' ') from generate_series(1, 1 + (random() * 8)::int) w) end,
       case when random() < 0.15 and i > 1 then (random() * (i - 1))::bigint + 1 end,
       jsonb_build_object('path', '/p/' || (random() * 500)::int, 'ms', (random() * 3000)::int, 'ok', random() < 0.9,
                          'user', jsonb_build_object('plan', (array['free', 'pro', 'team'])[1 + (random() * 2)::int])),
       array(select 'tag' || (200 * random() ^ 2)::int from generate_series(1, (random() * 5)::int + i % 2)),
       array(select (random() * 5000)::int + i % 2 from generate_series(1, 1 + (random() * 6)::int)),
       case when random() < 0.4 then (random() * 5000)::int * interval '1 second' end,
       (random() * 100)::int
from generate_series(1, 400000) i;

create table article (
    id int generated always as identity primary key,
    slug text not null unique,
    title text not null,
    body text not null,
    words tsvector not null,
    author_id bigint not null,
    place point not null,
    valid tstzrange not null,
    published_at timestamptz,
    deleted_at timestamptz
);
insert into article (slug, title, body, words, author_id, place, valid, published_at, deleted_at)
select i || '-' || replace(title, ' ', '-'), title, body, to_tsvector('simple', body), 1 + (random() * 3000)::int,
       point(random() * 360 - 180, random() * 180 - 90),
       tstzrange(timestamptz '2024-01-01' + i * interval '1 hour', timestamptz '2024-01-01' + (i + 1 + random() * 100) * interval '1 hour'),
       case when random() < 0.8 then timestamptz '2023-01-01' + random() * interval '600 days' end,
       case when random() < 0.03 then timestamptz '2024-06-01' + random() * interval '100 days' end
from (
    select i,
           (select string_agg(substr(md5(((3000 * random() ^ 3)::int + 0 * (w + i))::text), 1, 2 + (random() * 6)::int), ' ') from generate_series(1, 3 + i % 5) w) as title,
           (select string_agg(substr(md5(((20000 * random() ^ 4)::int + 0 * (w + i))::text), 1, 3 + (w + i) % 7), ' ') from generate_series(1, 30 + i % 60) w) as body
    from generate_series(1, 40000) i
) made;

create table membership (
    account_id bigint not null references account,
    group_id int not null,
    role text not null,
    since date,
    primary key (group_id, account_id)
);
insert into membership
select distinct on (g, a) a, g, (array['member', 'member', 'member', 'owner'])[1 + (random() * 3)::int], case when random() < 0.9 then date '2023-01-01' + (random() * 700)::int end
from (select 1 + (149999 * random())::int as a, 1 + (4000 * random() ^ 2)::int as g from generate_series(1, 300000)) pairs;

-- What people look for and buy: few values very often, many once or twice (Zipf's law), the numbers in no order.
create table request (
    id bigint primary key,
    term text not null,
    item_id int not null,
    address inet not null,
    reference text not null,
    session uuid not null,
    asked_at timestamptz not null
);
insert into request
select i, 'word ' || floor(exp(random() * ln(100000)))::int, floor(exp(random() * ln(60000)))::bigint * 7919 % 60013,
       ('10.' || floor(exp(random() * ln(250)))::int || '.0.' || floor(250 * random())::int)::inet,
       case when random() < 0.5 then 'order ' || i else 'basket ' || floor(20000 * random())::int end,
       md5((i / 6)::text)::uuid, timestamptz '2024-03-01' + floor(random() * 200000) * interval '1 second'
from generate_series(1, 300000) i;

vacuum analyze;
