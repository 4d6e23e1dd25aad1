// One request to the label routes: its answer, a refusal in the server's words, or silence.

const SILENT_MS = 15_000; // so long without an answer is none; every request here may be repeated

class Refusal extends Error {
  constructor(sentence, status) { super(sentence); this.status = status; }
}
class Silence extends Error {
  constructor() { super("the server does not answer"); }
}

const ask = async (method, path, body) => {
  const options = { method, headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout(SILENT_MS) };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try { response = await fetch("api/v1" + path, options); } catch { throw new Silence(); }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (response.ok) throw new Silence(); // something between us and the server answered in its place
  throw new Refusal(answer?.error || `The server answered ${response.status}.`, response.status);
};

const campaignPath = (campaign, rest = "") => `/campaigns/${campaign.id}${rest}`;
const labelPath = (pair, rest) => `/labels/${encodeURIComponent(pair.key)}${rest}`;
const freshId = () => crypto.randomUUID?.() ?? // absent where the page is not served over TLS
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
