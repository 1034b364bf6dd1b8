-- add_counts --
-- Sums are added one by one; a collection that was deleted meanwhile has none any more.
insert into drift_count (day, collection_id, calibration, sums)
select %(day)s, c.collection_id, %(calibration)s, %(sums)s::bigint[]
from collection as c
where c.collection_id = %(collection_id)s
for key share
on conflict (collection_id, calibration, day) do update
set sums = (
    select array_agg(a + b order by place)
    from unnest(drift_count.sums, excluded.sums) with ordinality as both_sums (a, b, place)
);

-- read_counts --
select c.collection_id, c.account_id, c.region, c.name, c.face_model_version, d.calibration, d.day, d.sums
from drift_count as d
join collection as c using (collection_id)
where d.day between %(since)s and %(until)s
order by c.account_id, c.region, c.name, d.calibration, d.day;

-- list_alarms --
select collection_id, calibration, exponent, raised_at from drift_alarm;

-- list_superseded --
-- Alarms about a calibration that the collection's searches of late were not judged by, but by another.
select a.collection_id, a.calibration, a.exponent, c.face_model_version, a.searches, a.stated, a.counted
from drift_alarm as a
join collection as c using (collection_id)
where exists (
    select from drift_count as d
    where d.collection_id = a.collection_id and d.day between %(since)s and %(until)s
) and not exists (
    select from drift_count as d
    where d.collection_id = a.collection_id and d.calibration = a.calibration
        and d.day between %(since)s and %(until)s
);

-- raise_alarm --
insert into drift_alarm (collection_id, calibration, exponent, stated, counted, low, high, searches)
values (
    %(collection_id)s, %(calibration)s, %(exponent)s, %(stated)s, %(counted)s, %(low)s, %(high)s, %(searches)s
)
on conflict (collection_id, calibration, exponent) do update
set counted = excluded.counted, low = excluded.low, high = excluded.high, searches = excluded.searches,
    seen_at = clock_timestamp()
returning (xmax = 0);

-- end_alarm --
delete from drift_alarm
where collection_id = %(collection_id)s and calibration = %(calibration)s and exponent = %(exponent)s;

-- forget_counts --
delete from drift_count where day < %(before)s or day > %(until)s;
