"""What instructor does: an answer as objects of the user's own classes."""

import base64
import json
import os

import instructor
from openai import OpenAI
from pydantic import BaseModel


class Item(BaseModel):
    name: str
    price: float
    category: str


class Receipt(BaseModel):
    store_name: str
    currency: str | None
    total_amount: float | None
    line_items: list[Item]


image = "data:image/png;base64," + base64.b64encode(open(os.environ["IMAGE"], "rb").read()).decode()  # noqa: PTH123, SIM115
client = instructor.from_openai(
    OpenAI(api_key=os.environ["MISTRAL_API_KEY"], base_url=os.environ["MISTRAL_SERVER_URL"] + "/v1"),
    mode=instructor.Mode.JSON_SCHEMA,
)
content = [{"type": "text", "text": "Items as JSON"}, {"type": "image_url", "image_url": {"url": image}}]
receipt = client.chat.completions.create(
    model="pixtral-large-latest", messages=[{"role": "user", "content": content}], response_model=Receipt, max_retries=0
)
print(json.dumps({"classes": receipt.model_dump()}))
