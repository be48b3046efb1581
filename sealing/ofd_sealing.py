"""Seals on OFD (GB/T 33190-2016 18, GM/T 0099-2020): survey, find words, prepare, rehearse, complete.

`prepare_ofd_seal` writes the package with everything but the signature value: all impressions of one act stand in one
Signature.xml, whose SM3 is what goes through consent and key service. `complete_ofd_seal` checks what came back and
adds the value. The source is only read; a target appears whole or not at all.
"""

from sealing.ofd_completing import complete_ofd_seal
from sealing.ofd_keywords import find_ofd_keywords
from sealing.ofd_preparing import PreparedOfdSeal, prepare_ofd_seal, statement_of
from sealing.ofd_rehearsal import rehearse_ofd_seal
from sealing.ofd_survey import OfdSurvey, survey_ofd
from sealing.planning_ofd import plan_for_ofd

__all__ = (
    "OfdSurvey",
    "PreparedOfdSeal",
    "complete_ofd_seal",
    "find_ofd_keywords",
    "plan_for_ofd",
    "prepare_ofd_seal",
    "rehearse_ofd_seal",
    "statement_of",
    "survey_ofd",
)
