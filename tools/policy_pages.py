"""The pages on policy that `generate_docs.py` writes: how a decision is made, every refusal, every purpose.

All of it comes from what decides: core.cedar, obligations.cedar, purposes.toml and the rule packs. No page
says what a day makes of a rule (in force, ended): it would be out of date by itself. They give the days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

from policy_texts import NO_PURPOSE, PACKS, POLICY, PURPOSES, REFUSALS

from countenance.facts import PROFILES, RECORD_KINDS, SOURCES
from countenance.policy import Purpose, load_purposes
from countenance.policy.gate import Gate
from countenance.policy.packs import Pack, load_packs, shipped_issuers, shipped_packs
from countenance.policy.purposes import REQUIREMENTS
from countenance.policy.rules import Rule, read_rules

_SECTION = re.compile(r'^// ---- (?P<title>.+)$|^@id\("(?P<rule>[^"]+)"\)$', re.MULTILINE)
_SPAN = re.compile(r"`[^`]*`|\{\w+\}")
_WORD = re.compile(r"\{(\w+)\}")
_KINDS = {
    "law": "law",
    "agency": "an agency's rules",
    "house": "a house's rules",
    "profile": "the floor of a profile",
    "standard": "a standard",
}


def policy_page() -> str:
    """How decisions are made."""
    return f"{POLICY}\n{_generated('`tools/policy_texts.py`')}\n"


def refusals_page() -> str:
    """Every core rule by its section, then every pack, then what has no purpose at all."""
    packs = load_packs(shipped_packs(), shipped_issuers())
    lines = [
        REFUSALS,
        _generated("`core.cedar`, `obligations.cedar` and the packs' own files"),
        "",
        "[The core](#the-core) · [Purposes that do not exist](#purposes-that-do-not-exist) · packs: "
        + " · ".join(f"[{name}](#{_anchor(name)})" for name in packs),
        "",
        "## The core",
        "",
        "Always in force, for everybody.",
        *_core(),
        "",
        NO_PURPOSE.rstrip("\n"),
        "",
        "## Packs",
        "",
        PACKS.rstrip("\n"),
    ]
    for pack in packs.values():
        lines += _pack(pack)
    return "\n".join(lines) + "\n"


def purposes_page() -> str:
    """The catalogue: a table, then a section for each."""
    purposes = load_purposes()
    lines = [
        PURPOSES,
        _generated("`purposes.toml`"),
        "",
        "| purpose | risk | least Similarity | most candidates | most faces | days kept | needs |",
        "|---|---|---|---|---|---|---|",
        *map(_row, purposes.values()),
    ]
    for purpose in purposes.values():
        lines += _purpose(purpose)
    lines += ["", "## What is meant by it", "", *_glossary()]
    return "\n".join(lines) + "\n"


def _generated(source: str) -> str:
    return f"This page is generated from {source} (`python tools/generate_docs.py`)."


def in_words(text: str) -> str:
    """A rule's text for a page: {words} of the call in italics, and in capitals where they stand in code."""
    return _SPAN.sub(lambda found: _span(found.group()), text)


def _span(span: str) -> str:
    if (alone := _WORD.fullmatch(span.strip("`"))) is not None:
        return f"*{alone.group(1).replace('_', ' ')}*"
    return _WORD.sub(lambda word: word.group(1).upper().replace("_", "-"), span)


def _core() -> list[str]:
    folder = resources.files("countenance.policy")
    text = folder.joinpath("core.cedar").read_text("utf-8")
    rules = {rule.rule_id: rule for rule in read_rules(text)}
    lines: list[str] = []
    for found in _SECTION.finditer(text):
        if found["title"]:
            lines += ["", f"### {found['title']}"]
        else:
            lines += _rule(rules.pop(found["rule"]))
    if rules:
        raise ValueError(f"core.cedar has rules whose @id stands in no line of its own: {', '.join(rules)}")
    duties = read_rules(folder.joinpath("obligations.cedar").read_text("utf-8"))
    return [*lines, "", "### Duties", *(line for duty in duties for line in _rule(duty))]


def _rule(rule: Rule, pack: Pack | None = None) -> list[str]:
    what = f"*Duty `{rule.obligation}`:* " if rule.obligation else "" if rule.is_forbid else "*Allows:* "
    message = in_words(rule.message)
    lines = [
        "",
        f"#### {rule.rule_id}",
        "",
        f"{what}{message if what else message[0].upper() + message[1:]}.",
    ]
    if rule.remedy:
        lines.append(f"<br>*Remedy:* {in_words(rule.remedy)}.")
    if rule.cite:
        lines.append(f"<br>*Source:* {rule.cite}.")
    if pack is not None and (rule.since, rule.until) != (pack.manifest.since, pack.manifest.until):
        lines.append(f"<br>*In force:* {_days(rule)}.")
    return lines


def _pack(pack: Pack) -> list[str]:
    manifest = pack.manifest
    lines = [
        "",
        f"### {pack.pack_id}",
        "",
        f"**{manifest.title}**",
        "",
        f"- {_KINDS[manifest.kind]}; jurisdiction: {manifest.jurisdiction}",
        f"- legal review: {manifest.legal_review}",
        f"- in force: {'always, it cannot be deactivated' if manifest.always else _days(manifest)}",
        f"- binds {_bound(manifest.profiles, manifest.purposes)}",
        f"- version {manifest.version}, by {manifest.issuer}, signed by `{pack.signed_by}`",
    ]
    if manifest.note:
        lines += ["", manifest.note]
    titled = {"Refuses": manifest.gates, "Makes a duty": manifest.obliges, "Leaves on paper": manifest.paper}
    for title, sentences in titled.items():
        if sentences:
            lines += ["", f"*{title}*", "", *(f"- {sentence}" for sentence in sentences)]
    lines += ["", "*Sources*", "", *map(_source, manifest.sources)]
    for rule in (*pack.rules, *pack.obligations):
        lines += _rule(rule, pack)
    return lines


def _days(dated: object) -> str:
    since, until = getattr(dated, "since", None), getattr(dated, "until", None)
    parts = [f"from {since}" if since else "", f"to {until}" if until else ""]
    return " ".join(filter(None, parts)) or "no day is given, so from activation on"


def _bound(profiles: Sequence[str], purposes: Sequence[str]) -> str:
    if not profiles and not purposes:
        return "everybody"
    accounts = f"accounts of the profile {_listed(profiles, 'or')}" if profiles else ""
    calls = f"calls under the purpose {_listed(purposes, 'or')}" if purposes else ""
    return ", and ".join(filter(None, (accounts, calls)))


def _source(source: Mapping[str, str]) -> str:
    note = f": {source['note']}" if source["note"] else ""
    return f"- {source['cite']} [{source['mark']}]{note}"


def _row(purpose: Purpose) -> str:
    kept = str(purpose.retention_days) if purpose.retention_days else "as the charter says"
    cells = [
        f"[{purpose.name}](#{_anchor(purpose.name)})",
        purpose.risk,
        f"{purpose.minimum_threshold:g}",
        f"{purpose.maximum_candidates:,}",
        f"{purpose.face_cap:,}",
        kept,
        ", ".join(_in_order(purpose.requires)) or "nothing more",
    ]
    return f"| {' | '.join(cells)} |"


def _purpose(purpose: Purpose) -> list[str]:
    approval = "one officer approves" if purpose.approvals == 1 else "two officers approve"
    minors = (
        "Minors may be enrolled where the charter says so" if purpose.minors_allowed else "Not for minors"
    )
    attributes = _listed(purpose.attributes, "and") if purpose.attributes else "the default ones only"
    most, cap = _counted(purpose.maximum_candidates, "candidate"), _counted(purpose.face_cap, "face")
    budget = (
        f"the server raises it until a search has at most {purpose.fpir_budget:g} false candidates to expect"
        if purpose.fpir_budget
        else "no budget of false candidates raises it"
    )
    kept = (
        f"a face is kept for at most {purpose.retention_days:,} days"
        if purpose.retention_days
        else "a face is kept as long as the collection's charter says, or for good"
    )
    basis = purpose.legal_basis or "none is assumed: the charter has to state it"
    return [
        "",
        f"## {purpose.name}",
        "",
        f"**{purpose.title}.** {purpose.summary}",
        "",
        f"- Risk {purpose.risk}; {approval} it.",
        f"- For accounts of the profile {_listed(purpose.profiles, 'or')}.",
        f"- Operations: {_listed(purpose.operations, 'and')}.",
        f"- Attributes: {attributes}.",
        f"- Similarity of at least {purpose.minimum_threshold:g}; {budget}. At most {most}.",
        f"- Collections of at most {cap}, of the kind `{purpose.kind}` where no other is asked for; {kept}.",
        f"- Legal basis of a collection without a charter of its own: {basis}.",
        f"- {minors}.",
        f"- At most {_counted(purpose.calls_per_hour, 'call')} with faces an hour by an account.",
        f"- Needs {_needs(purpose.requires)}.",
        *([f"- [Evaluation](evaluations.md): {_gate(purpose.gate)}."] if purpose.gate else []),
    ]


def _gate(gate: Gate) -> str:
    """What the evaluation must show."""
    told = [f"at least {gate.groups} groups in every cohort column"]
    if gate.least_tpr_bp is not None:
        told.append(f"a true positive rate of at least {gate.least_tpr_bp / 100:g} %")
    if gate.most_fmr_ppm is not None:
        told.append(f"a false match rate of at most 1 in {1_000_000 // gate.most_fmr_ppm:,}")
    if gate.most_fpir_ppm is not None:
        told.append(
            f"a false positive identification rate of at most 1 in {1_000_000 // gate.most_fpir_ppm:,}, in a "
            f"gallery of at least {gate.gallery_percent} % of the collection"
        )
    return f"{told[0]}; of every group, by its one-sided 95 % bound at the call's threshold, " + " and ".join(
        told[1:]
    )


def _needs(requires: Iterable[str]) -> str:
    return _joined([REQUIREMENTS[name] for name in _in_order(requires)], "and") or "nothing more"


def _in_order(requires: Iterable[str]) -> list[str]:
    asked = set(requires)
    return [name for name in REQUIREMENTS if name in asked]


def _glossary() -> list[str]:
    return [
        "**Profiles** of accounts: " + _listed(PROFILES, "and") + ".",
        "",
        "**Sources** that a call may state: " + _listed(SOURCES, "and") + ".",
        "",
        "**Records** that an account may put on file, and that rules ask for:",
        "",
        *(f"- `{kind}`: {meaning}" for kind, meaning in RECORD_KINDS.items()),
    ]


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str], word: str) -> str:
    return _joined([f"`{name}`" for name in names], word)


def _joined(parts: Sequence[str], word: str) -> str:
    *first, last = parts or ("",)
    return f"{', '.join(first)} {word} {last}" if first else last


def _anchor(title: str) -> str:
    """As GitHub makes it: lower case, no punctuation but hyphens."""
    return re.sub(r"[^\w-]", "", title.lower())
