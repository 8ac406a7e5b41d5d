"""A check of our own for schemathesis (loaded by `SCHEMATHESIS_HOOKS`)."""

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, Response

# A 422 to data that the file allows must come of a rule that a file can't say, so never of this.
ABOUT_SHAPE = "invalidFormat"


@schemathesis.check
def well_formed_data_is_not_called_malformed(ctx: CheckContext, response: Response, case: Case) -> None:
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE or response.status_code != 422:
        return
    blamed = [each for each in response.json() if each["code"] == ABOUT_SHAPE]
    assert not blamed, f"the file allows this: {blamed}"
