-- Templates in a basis of their collection's own, that may be renewed (docs/adr/0023).

-- `basis`: the number of the one in use, 0 for the model's own. What was sealed with a key of generation
-- `basis_since` or later is in it, anything older in `earlier_basis`: the same but while templates are being
-- brought from one into the other.
alter table collection add column basis integer not null default 0 check (basis >= 0);
alter table collection add column basis_since integer not null default 0 check (basis_since >= 0);
alter table collection add column earlier_basis integer not null default 0 check (earlier_basis >= 0);
alter table collection add column basis_at timestamptz;
