"""The backend against its own OpenAPI document."""

from pathlib import Path

import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

DOCUMENT = Path(__file__).parents[2] / "mock-server" / "openapi.yaml"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

schema = schemathesis.openapi.from_path(DOCUMENT)


def test_the_served_document_is_the_repo_s(page):
    assert requests.get(f"{page}/openapi.yaml", timeout=10).text == DOCUMENT.read_text()


@schema.parametrize()
# Derandomised: the same examples every time, so that a failure is always one of the code.
@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_fuzz(case, page, api):
    """Hostile and well-formed requests alike get an answer that the document describes, and never a 5xx."""
    case.call_and_validate(base_url=page, headers=api.headers, checks=CHECKS)
