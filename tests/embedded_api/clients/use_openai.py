"""What openai's client does with an API that speaks like it."""

import base64
import json
import os

from openai import OpenAI

MODEL = "pixtral-large-latest"
image = "data:image/png;base64," + base64.b64encode(open(os.environ["IMAGE"], "rb").read()).decode()  # noqa: PTH123, SIM115
client = OpenAI(api_key=os.environ["MISTRAL_API_KEY"], base_url=os.environ["MISTRAL_SERVER_URL"] + "/v1")
content = [{"type": "text", "text": "Items as JSON"}, {"type": "image_url", "image_url": {"url": image}}]
asked = {"model": MODEL, "messages": [{"role": "user", "content": content}]}
wanted = {"name": "receipt", "schema": json.loads(os.environ["SCHEMA"]), "strict": True}

live = client.chat.completions.create(**asked, response_format={"type": "json_object"})
chunks = client.chat.completions.create(**asked, stream=True)
structured = client.chat.completions.create(**asked, response_format={"type": "json_schema", "json_schema": wanted})
print(
    json.dumps(
        {
            "models": [model.id for model in client.models.list()],
            "live": json.loads(live.choices[0].message.content),
            "streamed": json.loads("".join(chunk.choices[0].delta.content or "" for chunk in chunks)),
            "structured": json.loads(structured.choices[0].message.content),
        }
    )
)
