"""What litellm does."""

import base64
import json
import os

import litellm

image = "data:image/png;base64," + base64.b64encode(open(os.environ["IMAGE"], "rb").read()).decode()  # noqa: PTH123, SIM115
content = [{"type": "text", "text": "Items as JSON"}, {"type": "image_url", "image_url": {"url": image}}]
asked = {
    "model": "mistral/pixtral-large-latest",
    "api_key": os.environ["MISTRAL_API_KEY"],
    "api_base": os.environ["MISTRAL_SERVER_URL"] + "/v1",
    "messages": [{"role": "user", "content": content}],
}
wanted = {"name": "receipt", "schema": json.loads(os.environ["SCHEMA"]), "strict": True}
live = litellm.completion(**asked, response_format={"type": "json_object"})
chunks = litellm.completion(**asked, stream=True)
structured = litellm.completion(**asked, response_format={"type": "json_schema", "json_schema": wanted})
print(
    json.dumps(
        {
            "live": json.loads(live.choices[0].message.content),
            "streamed": json.loads("".join(chunk.choices[0].delta.content or "" for chunk in chunks)),
            "structured": json.loads(structured.choices[0].message.content),
        }
    )
)
