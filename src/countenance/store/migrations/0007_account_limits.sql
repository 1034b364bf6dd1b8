-- How many calls a second an account may make (docs/operations/limits.md), where it is not what any account may.
alter table account add column calls_per_s integer check (calls_per_s > 0);
alter table account add column burst integer check (burst > 0);
alter table account add check (burst is null or calls_per_s is not null);
