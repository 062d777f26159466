"""What the routes take, with the vendor's limits; anything else is a 422 in the vendor's shape."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

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
MOST = 2**31 - 1  # of whole numbers that are looked at: what SQLite, JSON and clients all take
Name = Annotated[str, Field(max_length=256)]
Words = Annotated[str, Field(max_length=512)]
Key = Annotated[str, Field(min_length=1, max_length=32)]
Note = Annotated[str, Field(min_length=1, max_length=512)]
MOST_METADATA = 100
MOST_A_PAGE = 10_000
SampleType = Literal["pretrain", "instruct", "batch_request", "batch_result", "batch_error"]


def _few(metadata: Any) -> Any:
    """The metadata, where it isn't so much that to say what is wrong with each would take long."""
    if isinstance(metadata, dict) and len(metadata) > MOST_METADATA:
        raise ValueError(f"at most {MOST_METADATA} keys are taken")
    return metadata


Metadata = Annotated[dict[Key, Note], BeforeValidator(_few)]


class UploadFields(BaseModel):
    """Text fields of an upload. `expiry` is taken and not acted on: files stay until they are deleted."""

    purpose: Purpose = "fine-tune"
    visibility: Literal["workspace", "user"] = "workspace"
    expiry: int | None = Field(None, ge=0, le=MOST)


class Filters(BaseModel):
    """A query; a parameter that it doesn't know is refused, as it would be taken to have been obeyed."""

    model_config = ConfigDict(extra="forbid")


class ModelFilters(Filters):
    """Query of the list of models."""

    model: Name | None = None


class FileFilters(Filters):
    """Query of the list of files."""

    page: int = Field(0, ge=0, le=MOST)
    page_size: int = Field(100, ge=1, le=MOST_A_PAGE)
    include_total: bool = True
    sample_type: list[SampleType] = []
    source: list[Literal["upload", "repository", "mistral"]] = []
    search: Words | None = None
    purpose: Purpose | None = None
    mimetypes: list[Words] = []


class JobFilters(BaseModel):
    """Query of the list of jobs; the vendor's client adds the keys of a metadata filter: see `JobMetadata`."""

    page: int = Field(0, ge=0, le=MOST)
    page_size: int = Field(100, ge=1, le=MOST_A_PAGE)
    model: Name | None = None
    agent_id: Name | None = None
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


class JobMetadata(BaseModel):
    """What else stands in that query: pairs of metadata, all of which a job must have; refused when none could."""

    metadata: Metadata


class InlineQuery(Filters):
    """Query of one job."""

    inline: bool | None = None


class BatchRequest(BaseModel):
    """One request of a job that was sent inline; its body is checked by `problem_of`."""

    custom_id: str | None = None
    body: dict[str, Any]


class CreateJob(BaseModel):
    """A new batch job."""

    endpoint: Endpoint
    input_files: list[uuid.UUID] | None = Field(None, fail_fast=True)
    requests: list[BatchRequest] | None = Field(None, max_length=10_000, fail_fast=True)
    model: Name | None = None
    agent_id: Name | None = None
    metadata: Metadata | None = None
    timeout_hours: int = Field(24, ge=1, le=168)


class Message(BaseModel):
    """A message of a chat; what its content may hold is looked at where it is answered."""

    role: Literal["system", "user", "assistant", "tool"] = "user"
    content: str | Annotated[list[dict[str, Any]], Field(fail_fast=True)] | None = None
    prefix: bool = False


class JsonSchema(BaseModel):
    """The schema that an answer must follow."""

    name: Name = "response"
    definition: dict[str, Any] = Field(alias="schema")
    strict: bool | None = False


class ResponseFormat(BaseModel):
    """In what form an answer is wanted."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _has_schema(self) -> ResponseFormat:
        if self.type == "json_schema" and self.json_schema is None:
            raise ValueError("json_schema must be given with this type")
        return self


class ChatBody(BaseModel):
    """The `body` of a line of a batch: a chat request, whose model the job names. It is checked as a live one is.

    What is not named here (`stop`, `guardrails`, …) changes nothing in what a reader sees, and is taken.
    """

    messages: list[Message] = Field(min_length=1, fail_fast=True)
    max_tokens: int | None = Field(None, ge=0)
    temperature: float | None = Field(None, ge=0, le=1.5)
    top_p: float | None = Field(None, gt=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    random_seed: int | None = Field(None, ge=0)
    n: int | None = Field(None, ge=1)
    stream: bool | None = False
    tools: list[dict[str, Any]] | None = Field(None, fail_fast=True)
    response_format: ResponseFormat | None = None


class ChatRequest(ChatBody):
    """A live chat request."""

    model: Name


class BatchLine(BaseModel):
    """A line of a batch file. Two may have the same `custom_id`, or none: they come back as they came."""

    custom_id: str | None = None
    body: ChatBody


LONGEST_PROBLEM = 300
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


def problem_of(request: Any) -> str | None:
    """Why a line of a batch is no request, in one line and without a word of what it says; None when it is one."""
    try:
        BatchLine.model_validate(request)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:LONGEST_PROBLEM].lstrip(": ")
    return None


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
