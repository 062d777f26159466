"""What langchain-mistralai does."""

import base64
import json
import os

from langchain_core.messages import HumanMessage
from langchain_mistralai import ChatMistralAI

image = "data:image/png;base64," + base64.b64encode(open(os.environ["IMAGE"], "rb").read()).decode()  # noqa: PTH123, SIM115
model = ChatMistralAI(
    model_name="pixtral-large-latest",
    api_key=os.environ["MISTRAL_API_KEY"],
    endpoint=os.environ["MISTRAL_SERVER_URL"] + "/v1",
)
question = [
    HumanMessage([{"type": "text", "text": "Items as JSON"}, {"type": "image_url", "image_url": {"url": image}}])
]
structured = model.with_structured_output(
    {"title": "receipt", **json.loads(os.environ["SCHEMA"])}, method="json_schema"
)
print(
    json.dumps(
        {
            "live": json.loads(model.invoke(question).content),
            "streamed": json.loads("".join(chunk.content for chunk in model.stream(question))),
            "structured": structured.invoke(question),
        }
    )
)
