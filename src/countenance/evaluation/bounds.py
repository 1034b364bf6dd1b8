"""What so many trials can prove of a rate: one-sided bounds, and the trials that a claim takes.

Clopper and Pearson (1934): the bound is the rate at which so few (or so many) errors would be seen
with a chance of `alpha`. It never promises too much, whatever the rate and the number of trials.
Trials are independent ones: people or effective trials, never pairs of photos. Their number and that
of errors need not be whole.
"""

from __future__ import annotations

import math

from scipy.stats import beta

from countenance.errors import TooFewTrials

ALPHA = 0.05
_ROUNDING = 1e-9


def upper_bound(rate: float, trials: float, *, alpha: float = ALPHA) -> float:
    """The highest true rate that `rate` in so many trials leaves possible: for error rates.

    Args:
        rate: share of trials seen, in [0, 1].
        trials: independent ones, positive; effective trials need not be whole.
        alpha: chance that a true rate above the bound is missed; with g groups, 0.05 / g.

    Raises:
        ValueError: a rate outside [0, 1], no trials, or an alpha that is no chance.
    """
    _check(rate, trials, alpha)
    errors = rate * trials
    return 1.0 if rate == 1.0 else float(beta.ppf(1.0 - alpha, errors + 1.0, trials - errors))


def lower_bound(rate: float, trials: float, *, alpha: float = ALPHA) -> float:
    """The lowest true rate that `rate` in so many trials leaves possible: for rates of success.

    Arguments and errors as `upper_bound`.
    """
    return 1.0 - upper_bound(1.0 - rate, trials, alpha=alpha)


def trials_to_claim(max_rate: float, *, errors: int = 0, alpha: float = ALPHA) -> int:
    """The fewest trials that prove a rate of at most `max_rate` in spite of so many errors.

    Raises:
        ValueError: a rate outside (0, 1), a negative number of errors, or an alpha that is no chance.
    """
    if not 0.0 < max_rate < 1.0 or errors < 0:
        raise ValueError(f"{errors} errors at a rate of {max_rate} are no claim")
    enough = errors + 1
    while upper_bound(errors / enough, enough, alpha=alpha) > max_rate:
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        proved = middle > errors and upper_bound(errors / middle, middle, alpha=alpha) <= max_rate
        too_few, enough = (too_few, middle) if proved else (middle, enough)
    return enough


def require_carried(
    rate: float, effective: float, *, of: str = "a rate of", trials: str = "effective trials"
) -> None:
    """Refuse a rate below one in as many trials as there are: it could not have been observed.

    Args:
        rate: to be measured, in (0, 1).
        effective: independent trials that there are.
        of: what the rate is called in the message.
        trials: what the trials are called in it.

    Raises:
        TooFewTrials: effective x rate < 1; `trials_needed` says how many would do.
    """
    if effective * rate < 1.0 - _ROUNDING:
        needed = math.ceil(1.0 / rate - _ROUNDING)
        raise TooFewTrials(
            f"{of} {rate:g} takes {needed} {trials}, there are {math.floor(effective + _ROUNDING)}",
            trials_needed=needed,
        )


def _check(rate: float, trials: float, alpha: float) -> None:
    if not 0.0 <= rate <= 1.0 or not trials > 0.0:
        raise ValueError(f"{rate} of {trials} trials is no proportion")
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"{alpha} is no chance of being wrong")
