"""Certificate policies along a path (证书策略, RFC 5280 6.1.2 to 6.1.5), for a verifier that wants no certain policy.

What has to be found out is whether the path is valid for any policy at all, once an authority demands one. So no tree
is kept, only its lowest level: which policies hold, and what each is called one step further down (as RFC 9618 shows,
that is the same, and cannot be made to grow without bound).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from signing.certificate_extensions import PolicyRules
from signing.certificates import Certificate

ANY_POLICY: Final = "2.5.29.32.0"
_MAX_POLICIES: Final = 1024

_Level = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class _State:
    level: _Level
    explicit: int
    mapping: int
    inhibit_any: int


def find_policy_fault(certificates: Sequence[Certificate]) -> str:
    """Say which certificate breaks the policy rules of the path (leaf first, anchor last); empty when none does."""
    *path, anchor = certificates
    free = len(path) + 1
    state = _constrain(_State({ANY_POLICY: frozenset({ANY_POLICY})}, free, free, free), anchor.policy_rules)
    for place, certificate in reversed(list(enumerate(path))):
        state = _enter(state, certificate, last=place == 0)
        if not state.explicit and not state.level:
            return f"证书 {certificate.common_name} 不符合上级要求的证书策略"
        if any(ANY_POLICY in pair for pair in certificate.policy_rules.mappings):
            return f"证书 {certificate.common_name} 映射了 anyPolicy（RFC 5280 6.1.4 a）"
        state = _leave(state, certificate, last=place == 0)
    return "证书链不符合上级要求的证书策略" if path and not state.explicit and not state.level else ""


def _enter(state: _State, certificate: Certificate, *, last: bool) -> _State:
    """Take in the policies of one certificate (6.1.3 d, e)."""
    policies = certificate.policy_rules.policies
    if policies is None or not state.level or len(policies) > _MAX_POLICIES:
        return replace(state, level={})
    expected = frozenset[str]().union(*state.level.values())
    named = policies - {ANY_POLICY}
    level = {one: frozenset({one}) for one in named if one in expected or ANY_POLICY in state.level}
    if ANY_POLICY in policies and (state.inhibit_any > 0 or (not last and certificate.self_issued)):
        level |= {one: frozenset({one}) for one in expected if one not in level}
    return replace(state, level=level)


def _leave(state: _State, certificate: Certificate, *, last: bool) -> _State:
    """Prepare for the next certificate (6.1.4), or wrap up after the last one (6.1.5 a, b)."""
    rules = certificate.policy_rules
    if last:
        explicit = 0 if rules.require_explicit == 0 else max(state.explicit - 1, 0)
        return replace(state, explicit=explicit)
    state = replace(state, level=_map(state.level, rules, allowed=state.mapping > 0))
    if not certificate.self_issued:
        steps = (max(one - 1, 0) for one in (state.explicit, state.mapping, state.inhibit_any))
        state = _State(state.level, *steps)
    return _constrain(state, rules)


def _map(level: _Level, rules: PolicyRules, *, allowed: bool) -> _Level:
    theirs = dict[str, set[str]]()
    for ours, other in rules.mappings:
        theirs.setdefault(ours, set()).add(other)
    mapped = dict(level)
    for ours, others in theirs.items():
        if not allowed:
            mapped.pop(ours, None)
        elif ours in level or ANY_POLICY in level:
            mapped[ours] = frozenset(others)
    return mapped


def _constrain(state: _State, rules: PolicyRules) -> _State:
    def least(now: int, wanted: int | None) -> int:
        return now if wanted is None else min(now, max(wanted, 0))

    return replace(
        state,
        explicit=least(state.explicit, rules.require_explicit),
        mapping=least(state.mapping, rules.inhibit_mapping),
        inhibit_any=least(state.inhibit_any, rules.inhibit_any),
    )
