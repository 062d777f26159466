"""The steps of the vendor's notebook on batches of receipts, and more that its client does; with 1.2.3 and with 3."""

import base64
import json
import os
import sys
import time

try:
    from mistralai.client import Mistral
except ImportError:  # version 1
    from mistralai import Mistral

MODEL = "pixtral-large-latest"
QUESTION = "Name, price and classification of each item on this receipt, as a JSON object."
SCHEMA = json.loads(os.environ["SCHEMA"])
image = "data:image/png;base64," + base64.b64encode(open(os.environ["IMAGE"], "rb").read()).decode()  # noqa: PTH123, SIM115
client = Mistral(api_key=os.environ["MISTRAL_API_KEY"], server_url=os.environ["MISTRAL_SERVER_URL"])

content = [{"type": "image_url", "image_url": image}, {"type": "text", "text": QUESTION}]
messages = [{"role": "user", "content": content}, {"role": "assistant", "content": "{", "prefix": True}]
json_object = {"type": "json_object"}
listed = [model.id for model in client.models.list().data]
live = client.chat.complete(model=MODEL, messages=messages, response_format=json_object)
events = client.chat.stream(model=MODEL, messages=messages, response_format=json_object)
streamed = "".join(event.data.choices[0].delta.content or "" for event in events)
structured = None
if "structured" in sys.argv:
    wanted = {"type": "json_schema", "json_schema": {"name": "receipt", "schema": SCHEMA, "strict": True}}
    structured = client.chat.complete(model=MODEL, messages=messages[:1], response_format=wanted)
    structured = json.loads(structured.choices[0].message.content)

body = {"max_tokens": 1000, "messages": messages, "response_format": json_object}
requests = [json.dumps({"custom_id": str(number), "body": body}).encode() for number in range(10)]
file = client.files.upload(file={"file_name": "file.jsonl", "content": b"\n".join(requests)}, purpose="batch")
job = client.batch.jobs.create(
    input_files=[file.id], model=MODEL, endpoint="/v1/chat/completions", metadata={"job_type": "testing"}
)
while job.status in ("QUEUED", "RUNNING"):
    time.sleep(0.1)
    job = client.batch.jobs.get(job_id=job.id)
output = client.files.download(file_id=job.output_file).read().decode().strip()
rows = [
    {"custom_id": line["custom_id"], **item}
    for line in map(json.loads, output.split("\n"))
    for choice in line["response"]["body"]["choices"]
    for item in json.loads(choice["message"]["content"])["items"]
]
print(
    json.dumps(
        {
            "models": listed,
            "live": json.loads(live.choices[0].message.content),
            "streamed": json.loads(streamed),
            "structured": structured,
            "batch": [job.status, job.total_requests, job.succeeded_requests, len(rows)],
            "of the first": [row for row in rows if row["custom_id"] == "0"],
        }
    )
)
