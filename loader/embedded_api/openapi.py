"""The embedded API as an OpenAPI document: what it takes, from its own schemas, and what it answers.

Served at /openapi.json for whoever writes another client; the tests send what it allows, and what it doesn't.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from loader.embedded_api import schemas

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
WHOLE: Json = {"type": "integer"}
YES_OR_NO: Json = {"type": "boolean"}
TAKEN = (schemas.CreateJob, schemas.ChatRequest)


def document() -> Json:
    """The document, OpenAPI 3.1."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in TAKEN], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "The embedded Mistral API", "version": "1"},
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "schemas": {**definitions["$defs"], **_ANSWERS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths() -> Json:
    file_id, job_id = _in_path("file_id", uuid=True), _in_path("job_id", uuid=True)
    return {
        "/v1/models": {"get": _operation("Models", _in_query(schemas.ModelFilters))},
        "/v1/models/{model_id}": {"get": _operation("Model", [_in_path("model_id")], (404,))},
        "/v1/files": {
            "get": _operation("Files", _in_query(schemas.FileFilters)),
            "post": _operation("File", body={"multipart/form-data": {"schema": _upload()}}),
        },
        "/v1/files/{file_id}": {
            "get": _operation("File", [file_id], (404,)),
            "delete": _operation("Deleted", [file_id], (404,)),
        },
        "/v1/files/{file_id}/content": {"get": _operation(None, [file_id], (404,))},
        "/v1/batch/jobs": {
            "get": _operation("Jobs", _in_query(schemas.JobFilters)),
            "post": _operation("Job", more=(400, 404), body=_json("CreateJob")),
        },
        "/v1/batch/jobs/{job_id}": {
            "get": _operation("Job", [job_id, *_in_query(schemas.InlineQuery)], (404,)),
            "delete": _operation("Deleted", [job_id], (400, 404)),
        },
        "/v1/batch/jobs/{job_id}/cancel": {"post": _operation("Job", [job_id], (404,))},
        schemas.CHAT_ENDPOINT: {"post": _operation("Completion", more=(400,), body=_json("ChatRequest"))},
    }


def _operation(
    answer: str | None, parameters: list[Json] | None = None, more: tuple[int, ...] = (), body: Json | None = None
) -> Json:
    content = _json(answer) if answer else {"application/octet-stream": {}}
    statuses = (401, 403, 413, 422, *more)
    operation: Json = {
        "parameters": parameters or [],
        "responses": {
            "200": {"description": "Done", "content": content},
            **{str(status): {"description": "Refused", "content": _json("Refusal")} for status in statuses},
        },
    }
    if answer == "Completion":
        content["text/event-stream"] = {}
    return {**operation, "requestBody": {"required": True, "content": body}} if body else operation


def _json(name: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _in_path(name: str, uuid: bool = False) -> Json:
    schema: Json = {"type": "string", **({"format": "uuid"} if uuid else {"minLength": 1})}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(filters: type[BaseModel]) -> list[Json]:
    properties = filters.model_json_schema().get("properties", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
        for name, schema in properties.items()
    ]


def _without_null(schema: Json) -> Json:
    """A query has no null: what isn't given is left out."""
    ways = [way for way in schema.get("anyOf", ()) if way != {"type": "null"}]
    return ways[0] if len(ways) == 1 else schema


def _upload() -> Json:
    fields = schemas.UploadFields.model_json_schema()["properties"]
    fields = {name: _without_null(schema) for name, schema in fields.items()}
    properties = {"file": {"type": "string", "format": "binary"}, **fields}
    return {"type": "object", "properties": properties, "required": ["file"]}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(name: str, **more: Json) -> Json:
    return _object(
        object={"const": "list"}, data={"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}, **more
    )


_FILE = {
    "id": {"type": "string", "format": "uuid"},
    "object": {"const": "file"},
    "filename": TEXT,
    "purpose": {"enum": list(get_args(schemas.Purpose))},
    "sample_type": {"enum": list(get_args(schemas.SampleType))},
    "source": {"enum": ["upload", "mistral"]},
    "bytes": WHOLE,
    "num_lines": _or_null(WHOLE),
    "mimetype": _or_null(TEXT),
    "visibility": _or_null(TEXT),
    "created_at": WHOLE,
    "signature": _or_null(TEXT),
    "expires_at": {"type": "null"},
}
_ANSWERS: Json = {
    "Refusal": {"type": "object", "minProperties": 1},
    "Model": {
        "type": "object",
        "properties": {"id": TEXT, "object": {"const": "model"}, "capabilities": {"type": "object"}},
        "required": ["id", "object", "capabilities"],
    },
    "Models": _list("Model"),
    "File": {**_object(**_FILE), "properties": {**_FILE, "deleted": YES_OR_NO}},
    "Files": _list("File", total=_or_null(WHOLE)),
    "Deleted": _object(id=TEXT, object={"enum": ["file", "batch"]}, deleted=YES_OR_NO),
    "Job": _object(
        id={"type": "string", "format": "uuid"},
        object={"const": "batch"},
        input_files={"type": "array", "items": TEXT},
        metadata=_or_null({"type": "object", "additionalProperties": TEXT}),
        endpoint=TEXT,
        model=TEXT,
        agent_id=_or_null(TEXT),
        output_file=_or_null(TEXT),
        error_file=_or_null(TEXT),
        errors={"type": "array", "items": _object(message=TEXT, count=WHOLE)},
        outputs=_or_null({"type": "array", "items": {"type": "object"}}),
        status={"enum": list(get_args(schemas.Status))},
        created_at=WHOLE,
        started_at=_or_null(WHOLE),
        completed_at=_or_null(WHOLE),
        total_requests=WHOLE,
        completed_requests=WHOLE,
        succeeded_requests=WHOLE,
        failed_requests=WHOLE,
    ),
    "Jobs": _list("Job", total=WHOLE),
    "Completion": _object(
        id=TEXT,
        object={"const": "chat.completion"},
        model=TEXT,
        usage={"type": "object", "required": ["prompt_tokens", "completion_tokens", "total_tokens"]},
        created=WHOLE,
        choices={"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "object"}},
    ),
}
