// What a user's program says through LangSmith's JavaScript SDK. Prints what it made, as JSON.
import { Client } from "langsmith";
import { getCurrentRunTree, traceable } from "langsmith/traceable";

const [thread, user] = process.argv.slice(-2);
const client = new Client();
const made = {};
const usage = {
  input_tokens: 1500,
  output_tokens: 200,
  total_tokens: 1700,
  input_token_details: { cache_read: 1000 },
  output_token_details: { reasoning: 50 },
};

const lookUp = traceable(async (order) => { throw new Error(`order ${order} is lost`); }, { name: "look-up", run_type: "tool", client });
const answer = traceable(
  async () => ({ role: "assistant", content: "Because.", usage_metadata: usage }),
  { name: "answer", run_type: "llm", client, metadata: { ls_provider: "openai", ls_model_name: "gpt-4o" } },
);
const assist = traceable(
  async (question) => {
    made.trace = getCurrentRunTree().id;
    await lookUp(7).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 600));  // so that the root's end goes out by itself
    await answer(question);
    return { answer: "Because." };
  },
  { name: "assist", run_type: "chain", client, project_name: "shop", tags: ["blue"], metadata: { session_id: thread, user_id: user } },
);

const filed = traceable(
  async () => {
    made.filed = getCurrentRunTree().id;
    return { ok: true };
  },
  {
    name: "filed",
    run_type: "tool",
    client,
    extractAttachments: ({ image }) => [{ image: ["image/png", image] }, {}],
  },
);

await assist("Why?");
await filed({ image: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff]) });
made.hand = crypto.randomUUID();
made.call = crypto.randomUUID();
const byHand = { inputs: { q: 1 }, project_name: "shop", start_time: Date.now() };
await client.createRun({ ...byHand, id: made.hand, name: "by-hand", run_type: "chain" });
const model = { metadata: { ls_provider: "openai", ls_model_name: "gpt-4o" } };
await client.createRun({ ...byHand, id: made.call, name: "call", run_type: "llm", parent_run_id: made.hand, extra: model });
await client.updateRun(made.call, { outputs: { content: "Because.", usage_metadata: usage }, end_time: Date.now() });
await client.updateRun(made.hand, { outputs: { a: 1 }, end_time: Date.now() });
await client.awaitPendingTraceBatches();
await client.createProject({ projectName: "shop", upsert: true });
const project = await client.readProject({ projectName: "shop" });
made.project = project.name;
const feedback = await client.createFeedback(made.trace, "quality", { score: 0.9, comment: "clear", sessionId: project.id });
await client.updateFeedback(feedback.id, { score: 0.5, comment: "less clear" });
process.stdout.write(JSON.stringify(made));
