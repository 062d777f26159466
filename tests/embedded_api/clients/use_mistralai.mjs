// What the vendor's client for JavaScript does.
import { readFileSync } from "node:fs";
import { Mistral } from "@mistralai/mistralai";

const model = "pixtral-large-latest";
const client = new Mistral({ apiKey: process.env.MISTRAL_API_KEY, serverURL: process.env.MISTRAL_SERVER_URL });
const image = "data:image/png;base64," + readFileSync(process.env.IMAGE).toString("base64");
const content = [{ type: "text", text: "Items as JSON" }, { type: "image_url", imageUrl: image }];
const messages = [{ role: "user", content }];
const read = async (result) => JSON.parse((await result).choices[0].message.content);

const models = (await client.models.list()).data.map((one) => one.id);
const live = await read(client.chat.complete({ model, messages, responseFormat: { type: "json_object" } }));
let streamed = "";
for await (const event of await client.chat.stream({ model, messages })) {
  streamed += event.data.choices[0].delta.content ?? "";
}
const jsonSchema = { name: "receipt", schemaDefinition: JSON.parse(process.env.SCHEMA), strict: true };
const structured = await read(
  client.chat.complete({ model, messages, responseFormat: { type: "json_schema", jsonSchema } }),
);

const body = { max_tokens: 1000, messages: [{ role: "user", content: [{ type: "image_url", image_url: image }] }] };
const lines = [...Array(10).keys()].map((number) => JSON.stringify({ custom_id: `${number}`, body }));
const file = await client.files.upload({
  file: { fileName: "file.jsonl", content: new TextEncoder().encode(lines.join("\n")) },
  purpose: "batch",
});
let job = await client.batch.jobs.create({ inputFiles: [file.id], model, endpoint: "/v1/chat/completions" });
while (["QUEUED", "RUNNING"].includes(job.status)) {
  await new Promise((resume) => setTimeout(resume, 100));
  job = await client.batch.jobs.get({ jobId: job.id });
}
const output = await new Response(await client.files.download({ fileId: job.outputFile })).text();
const rows = output.trim().split("\n").flatMap((line) => {
  const { custom_id, response } = JSON.parse(line);
  return JSON.parse(response.body.choices[0].message.content).items.map((item) => ({ custom_id, ...item }));
});
console.log(
  JSON.stringify({
    models,
    live,
    streamed: JSON.parse(streamed),
    structured,
    batch: [job.status, job.totalRequests, job.succeededRequests, rows.length],
    "of the first": rows.filter((row) => row.custom_id === "0"),
  }),
);
