"""What `policy_pages.py` writes by hand: the rest of its pages comes from what decides."""

from __future__ import annotations

POLICY = """# How a call is decided

Policy decides every call before anything is done, and again nothing is done that policy did not allow. The
rules are [Cedar](https://www.cedarpolicy.com/) policies in files: `core.cedar` and `obligations.cedar` of
the package, and rule packs. What they refuse, with the remedy for each: **[What Countenance refuses, and
why](refusals.md)**. What faces may be used for: **[Purposes](purposes.md)**.

**Nothing is allowed but by a rule, and a rule that forbids overrides all that allow.** What no rule allows,
what names an operation that no rule knows, and what cannot be decided for any reason is refused.

**A refused call is told of everything that was wrong with it.** Each condition is a rule of its own, so
`AccessDeniedException` carries the id, the message and the remedy of every rule that the call broke, and
where the rule comes from. (A call that names what is another account's gets `ResourceNotFoundException`:
not even that it exists is told.) The ids of the rules stand in the call's entry of the [log](audit.md).

**A duty comes with a permission.** Some things are no yes or no: that people review candidates before the
caller sees them, that the threshold is raised until the gallery's expected false candidates keep within the
purpose's budget. Such duties are returned with the decision. The server meets them before it answers; a
call that owes one that the server cannot meet is refused, and the message names it.

**A rule has days.** Before its first day it is watched, not enforced: the call goes on, and its entry says
which rules it would have broken (*shadow*). After its last day it is gone. A pack can be activated in
shadow as well, to see what it would refuse (ActivatePack with Mode `shadow`).

**A pack may only forbid**, and only those whom it binds: each of its rules begins with `principal in
Pack::"<id>"`, and anything else is refused when it is loaded. So packs go together, and the strictest wins.
A pack is a signed folder; one that was changed after it was signed, that nobody trusted has signed, or
whose own tests do not come out as it says, is not used. No lawyer has reviewed the packs that come with
Countenance.

**Facts that a caller states are attestations**: the source of a photo, consent, age, an authorisation come
with the credential (AssumePurpose), are recorded as the caller's statement, and a false one is a violation
of the [terms](../../src/countenance/terms/documents/acceptable-use-1.0.md).

**Which rules decided is never in doubt.** A digest over the schema, the purposes, the rules and the packs
in force with their activations stands in the entry of every call. Whether a call would be allowed, and why
not, is answered without making it: `countenance policy explain`, or ExplainCall.
"""

REFUSALS = """# What Countenance refuses, and why

Every rule that can refuse a call, in the words that the refused caller gets; *words like these* are filled
in from the call. How a decision is made: [policy](policy.md). What may be done, and within which bounds:
[purposes](purposes.md).

**This is an engineering summary and not legal advice. No lawyer has reviewed any of it, and nothing here
claims that whoever activates a pack complies with the law that it is named after.** A pack holds what of a
guideline a server can check on a call; the rest stays on paper, and each pack says what that is. Read the
official text. The marks say how far a statement was checked: **[S]** read in a source (often an excerpt or
a secondary account), **[K]** general knowledge that no source has confirmed, **[S/K]** partly one, partly
the other.
"""

NO_PURPOSE = """## Purposes that do not exist

The [catalogue of purposes](purposes.md) is closed, and these are not in it. No setting, key, pack or
officer can add them.

- **Immigration enforcement.** Not with this software, under no purpose, for nobody: accounts of the profile
  `immigration_enforcement` are refused everything but reading the terms, reading why, appealing and
  exporting their own log (AUP-006). Audits of another system with a free field for the purpose, for licence
  plates, found immigration enforcement behind vague reasons [S]. So there is no free field here, and no
  such purpose.
- **Identifying people at gatherings.** Who stands in a crowd did not agree to be found by a camera.
  Searches of a live picture or of video run only over people who agreed to be found (LIVE-001), and never
  for law enforcement (LIVE-002). Washington, for one, forbids its agencies to keep a record of activity
  under the First Amendment (RCW 43.386.080) [S].
- **Finding people by religion, politics or origin.** Nobody is looked for because of what they believe, say
  or are. No purpose covers it, and Countenance has no classifier for it. Washington and Colorado forbid
  their agencies such targeting [S].
"""

PACKS = """In force when an officer of the house activates them (`countenance policy activate PACK`), for all
whom they bind or for some accounts. Those of a profile are always in force.
"""

PURPOSES = """# Purposes

A purpose is what faces may be used for, and within which bounds. It comes with the access key, or with the
temporary credentials that AssumePurpose gives; a human approves it for an account first. The catalogue is
closed: what is not here, Countenance is not for, and no setting, key, pack or officer can add to it ([why
some are not here](refusals.md#purposes-that-do-not-exist)). The rules that hold a call to these bounds are
those called PUR and CHA in [what Countenance refuses](refusals.md). Packs may narrow them further.

A Similarity of 80 stands for a false match rate of 1 in 10,000 comparisons, one of 99 for 1 in a million,
as far as the calibration of the model pack goes.
"""
