"""`mef-bridge doctor`: looks at a set-up, says of each thing that it is right or what to do, and changes nothing."""

from bridge.app.doctor.diagnosis import Diagnosis, Verdict
from bridge.app.doctor.examination import examine

__all__ = ["Diagnosis", "Verdict", "examine"]
