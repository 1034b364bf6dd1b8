"""The pages of the console, and which roles see each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from countenance.console import (
    case_pages,
    charter_page,
    collection_pages,
    conduct_pages,
    evaluation_pages,
    examiner_pages,
    explain_page,
    face_pages,
    health_page,
    home_page,
    job_pages,
    key_pages,
    log_pages,
    office_pages,
    pack_pages,
    passkey_page,
    people_page,
    policy_pages,
    request_pages,
    review_pages,
    try_page,
    user_pages,
)
from countenance.console.visit import Handler

_EVERYBODY: Final = frozenset({"administrator", "auditor", "developer", "examiner", "officer"})
_READERS: Final = frozenset({"administrator", "auditor", "developer", "officer"})
_KEEPERS: Final = frozenset({"administrator", "developer"})
_COLLECTION: Final = "/console/collections/(?P<collection>[^/]{1,765})"
_OFFICERS: Final = frozenset({"officer"})
_ANSWERERS: Final = frozenset({"administrator", "officer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A page.

    Attributes:
        pattern: a regular expression that the whole path must match; its groups are the page's parts.
        path: where the menu leads.
        title: in the menu; empty for a page that is not there.
        take: what is done with a form; None for a page without one.
        file_bytes: of the largest form with files that it takes; 0 for a page whose form has none.
    """

    pattern: str
    path: str
    title: str
    roles: frozenset[str]
    show: Handler
    take: Handler | None = None
    file_bytes: int = 0


ROUTES: Final = (
    Route(pattern="/console/?", path="/console", title="Overview", roles=_EVERYBODY, show=home_page.show),
    Route(
        pattern="/console/try",
        path="/console/try",
        title="Try it",
        roles=frozenset({"developer"}),
        show=try_page.show,
        take=try_page.take,
        file_bytes=try_page.MOST_BYTES,
    ),
    Route(
        pattern="/console/collections",
        path="/console/collections",
        title="Collections",
        roles=_READERS,
        show=collection_pages.show_all,
    ),
    Route(
        pattern=_COLLECTION,
        path="/console/collections",
        title="",
        roles=_READERS,
        show=collection_pages.show_one,
    ),
    Route(
        pattern=f"{_COLLECTION}/charter",
        path="/console/collections",
        title="",
        roles=frozenset({"administrator"}),
        show=charter_page.show,
        take=charter_page.take,
    ),
    Route(
        pattern=f"{_COLLECTION}/users/(?P<user>[^/]{{1,384}})",
        path="/console/collections",
        title="",
        roles=_KEEPERS,
        show=user_pages.show,
        take=user_pages.take,
    ),
    Route(
        pattern=f"{_COLLECTION}/faces/(?P<face>[0-9a-f-]{{36}})",
        path="/console/collections",
        title="",
        roles=_KEEPERS,
        show=face_pages.show,
        take=face_pages.take,
    ),
    Route(
        pattern=f"{_COLLECTION}/faces/(?P<face>[0-9a-f-]{{36}})/picture",
        path="/console/collections",
        title="",
        roles=frozenset({"developer"}),
        show=face_pages.show_picture,
    ),
    Route(
        pattern="/console/reviews",
        path="/console/reviews",
        title="Examinations",
        roles=frozenset({"examiner"}),
        show=review_pages.show_all,
        take=review_pages.begin,
    ),
    Route(
        pattern="/console/reviews/(?P<review>[0-9a-f-]{36})",
        path="/console/reviews",
        title="",
        roles=frozenset({"examiner"}),
        show=review_pages.show_one,
        take=review_pages.submit,
    ),
    Route(
        pattern="/console/cases",
        path="/console/cases",
        title="Cases",
        roles=frozenset({"administrator", "developer"}),
        show=case_pages.show,
        take=case_pages.take,
    ),
    Route(
        pattern="/console/examiners",
        path="/console/examiners",
        title="Examiners",
        roles=_ANSWERERS,
        show=examiner_pages.show,
        take=examiner_pages.take,
    ),
    Route(
        pattern="/console/requests",
        path="/console/requests",
        title="People's requests",
        roles=_ANSWERERS,
        show=request_pages.show,
        take=request_pages.take,
    ),
    Route(
        pattern="/console/requests/(?P<request>[0-9a-f-]{36})",
        path="/console/requests",
        title="",
        roles=_ANSWERERS,
        show=request_pages.show_one,
        take=request_pages.take_one,
    ),
    Route(
        pattern="/console/keys",
        path="/console/keys",
        title="Keys and purposes",
        roles=_READERS,
        show=key_pages.show,
        take=key_pages.take,
    ),
    Route(
        pattern="/console/people",
        path="/console/people",
        title="Operators",
        roles=frozenset({"administrator", "auditor", "officer"}),
        show=people_page.show,
        take=people_page.take,
    ),
    Route(
        pattern="/console/passkeys",
        path="/console/passkeys",
        title="Passkeys",
        roles=_EVERYBODY,
        show=passkey_page.show,
        take=passkey_page.take,
    ),
    Route(
        pattern="/console/policy",
        path="/console/policy",
        title="Policy",
        roles=_READERS,
        show=policy_pages.show,
    ),
    Route(
        pattern="/console/policy/explain",
        path="/console/policy",
        title="",
        roles=_READERS,
        show=explain_page.show,
        take=explain_page.take,
    ),
    Route(
        pattern="/console/policy/simulate",
        path="/console/policy",
        title="",
        roles=_READERS,
        show=pack_pages.simulate,
    ),
    Route(
        pattern="/console/policy/packs/(?P<pack>[^/]{1,128})",
        path="/console/policy",
        title="",
        roles=_READERS,
        show=pack_pages.show,
        take=pack_pages.take,
    ),
    Route(
        pattern="/console/evaluations",
        path="/console/evaluations",
        title="Evaluations",
        roles=_READERS,
        show=evaluation_pages.show_all,
    ),
    Route(
        pattern="/console/evaluations/(?P<evaluation>[0-9a-f-]{36})",
        path="/console/evaluations",
        title="",
        roles=_READERS,
        show=evaluation_pages.show_one,
    ),
    Route(
        pattern="/console/standing",
        path="/console/standing",
        title="Findings and standing",
        roles=_EVERYBODY,
        show=conduct_pages.show,
        take=conduct_pages.take,
    ),
    Route(
        pattern="/console/office",
        path="/console/office",
        title="Office",
        roles=_OFFICERS,
        show=office_pages.show,
        take=office_pages.take,
    ),
    Route(
        pattern="/console/office/accounts/(?P<account>[0-9]{12})",
        path="/console/office",
        title="",
        roles=_OFFICERS,
        show=office_pages.show_account,
        take=office_pages.take_account,
    ),
    Route(
        pattern="/console/jobs",
        path="/console/jobs",
        title="Jobs",
        roles=_READERS,
        show=job_pages.show_all,
    ),
    Route(
        pattern="/console/jobs/(?P<job>[1-9][0-9]{0,14})",
        path="/console/jobs",
        title="",
        roles=_READERS,
        show=job_pages.show_one,
        take=job_pages.take,
    ),
    Route(
        pattern="/console/health",
        path="/console/health",
        title="Health",
        roles=_READERS,
        show=health_page.show,
    ),
    Route(
        pattern="/console/log",
        path="/console/log",
        title="Audit log",
        roles=_READERS,
        show=log_pages.show,
    ),
    Route(
        pattern="/console/log/(?P<event>[0-9a-f-]{36})",
        path="/console/log",
        title="",
        roles=_READERS,
        show=log_pages.show_one,
    ),
)
