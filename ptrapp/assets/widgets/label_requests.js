// Sends one request to the label routes: its answer, a refusal in the server's words, or no answer.

const TIMEOUT_MS = 15_000; // every request here may be repeated

class Refusal extends Error {
  constructor(sentence, status) { super(sentence); this.status = status; }
}
class NoAnswer extends Error {
  constructor() { super("the server does not answer"); }
}

const ask = async (method, path, body) => {
  const options = { method, headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout(TIMEOUT_MS) };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try { response = await fetch("api/v1" + path, options); } catch { throw new NoAnswer(); }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (response.ok) throw new NoAnswer(); // a proxy answered in place of the server
  throw new Refusal(answer?.error || `The server answered ${response.status}.`, response.status);
};

const campaignPath = (campaign, rest = "") => `/campaigns/${campaign.id}${rest}`;
const labelPath = (pair, rest) => `/labels/${encodeURIComponent(pair.key)}${rest}`;
const freshId = () => crypto.randomUUID?.() ?? // absent where the page is not served over TLS
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
