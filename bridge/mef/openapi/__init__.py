"""Our own OpenAPI documents: made of the pydantic models and of what the API serves, so that they cannot go stale.

Pure: values in, a JSON-able document (OpenAPI 3.0.3) or a page of HTML out.
"""

from typing import Any

Json = dict[str, Any]
