"""What the routes take, with the vendor's limits; anything else is a 422 in the vendor's shape."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from loader.embedded_api.bodies import Limits, parsed
from loader.embedded_api.errors import ApiRefusal, invalid

CHAT_ENDPOINT = "/v1/chat/completions"
Status = Literal["QUEUED", "RUNNING", "SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLATION_REQUESTED", "CANCELLED"]
Purpose = Literal["fine-tune", "batch", "ocr", "audio", "agentic_safety"]
Endpoint = Literal[
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/fim/completions",
    "/v1/moderations",
    "/v1/chat/moderations",
    "/v1/ocr",
    "/v1/classifications",
    "/v1/chat/classifications",
    "/v1/conversations",
    "/v1/audio/transcriptions",
]
Name = Annotated[str, Field(max_length=256)]
Key = Annotated[str, Field(min_length=1, max_length=32)]
Note = Annotated[str, Field(min_length=1, max_length=512)]
MOST_METADATA = 100


def _few(metadata: Any) -> Any:
    """The metadata, where it isn't so much that to say what is wrong with each would take long."""
    if isinstance(metadata, dict) and len(metadata) > MOST_METADATA:
        raise ValueError(f"at most {MOST_METADATA} keys are taken")
    return metadata


class UploadFields(BaseModel):
    """Text fields of an upload. `expiry` is taken and not acted on: files stay until they are deleted."""

    purpose: Purpose = "fine-tune"
    visibility: Literal["workspace", "user"] = "workspace"
    expiry: int | None = None


class FileFilters(BaseModel):
    """Query of the list of files."""

    page: int = Field(0, ge=0)
    page_size: int = Field(100, ge=1)
    include_total: bool = True
    sample_type: list[str] = []
    source: list[str] = []
    search: str | None = None
    purpose: str | None = None
    mimetypes: list[str] = []


class JobFilters(BaseModel):
    """Query of the list of jobs; the vendor's client adds the keys of a metadata filter beside these."""

    page: int = Field(0, ge=0)
    page_size: int = Field(100, ge=1)
    model: str | None = None
    agent_id: str | None = None
    created_after: datetime | None = None
    created_by_me: bool = False
    status: list[Status] = []
    order_by: Literal["created", "-created"] = "-created"

    def created_after_seconds(self) -> float | None:
        """`created_after` in unix seconds; without a zone it is UTC."""
        if self.created_after is None:
            return None
        zoned = self.created_after if self.created_after.tzinfo else self.created_after.replace(tzinfo=UTC)
        return zoned.timestamp()


class InlineQuery(BaseModel):
    """Query of one job."""

    inline: bool | None = None


class BatchRequest(BaseModel):
    """One request of a job that was sent inline."""

    custom_id: str | None = None
    body: dict[str, Any]


class CreateJob(BaseModel):
    """A new batch job."""

    endpoint: Endpoint
    input_files: list[uuid.UUID] | None = Field(None, fail_fast=True)
    requests: list[BatchRequest] | None = Field(None, max_length=10_000, fail_fast=True)
    model: Name | None = None
    agent_id: Name | None = None
    metadata: Annotated[dict[Key, Note], BeforeValidator(_few)] | None = None
    timeout_hours: int = Field(24, ge=1, le=168)


class ChatRequest(BaseModel):
    """What every chat request must have; the rest is looked at where it is answered."""

    model: Name
    messages: list[dict[str, Any]] = Field(min_length=1, fail_fast=True)
    max_tokens: int | None = Field(None, ge=0)
    stream: bool = False


Model = TypeVar("Model", bound=BaseModel)


def parse_json(model: type[Model], body: bytearray, limits: Limits) -> Model:
    """A JSON body as `model`, or ApiRefusal (413, 422)."""
    content = parsed(body, limits)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _refusal(error, "body") from None


def parse_fields(model: type[Model], fields: Mapping[str, Any], where: str) -> Model:
    """Fields of a query or a form (`where`) as `model`, or ApiRefusal (422)."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _refusal(error, where) from None


def parse_id(name: str, value: str) -> str:
    """An id out of a path, or ApiRefusal (422) when it is no UUID as the API writes them."""
    try:
        parsed = str(uuid.UUID(value))
    except ValueError:
        parsed = ""
    if parsed != value.lower():
        raise invalid(["path", name], "Input should be a valid UUID", "uuid_parsing")
    return parsed


def _refusal(error: ValidationError, where: str) -> ApiRefusal:
    """422 without the input itself, which may be an image."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return ApiRefusal(422, {"detail": [{**detail, "loc": [where, *detail["loc"]]} for detail in details]})
