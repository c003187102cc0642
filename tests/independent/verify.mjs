// A verifier of plantgate records written from docs/wire-format.md alone, with nothing but node's crypto.
//
//   node verify.mjs bytes|parsed FILE...     one JSON object with the verdict on each file, in the format of docs/vectors
//   node verify.mjs numbers FILE             one JSON object: the text of each number of docs/vectors/numbers.json
//
// "bytes" takes a record's own bytes first and parses copies only; "parsed" always parses and writes canonically again.

import { createHash, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";

const TOO_LARGE = 2 ** 53;
const ID = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

class Refused extends Error {
  constructor(verdict, claim) {
    super(verdict);
    this.verdict = verdict;
    this.claim = claim;
  }
}

// --- RFC 8785 -------------------------------------------------------------------------------------------------------

function jcs(value) {
  if (typeof value === "number") {
    if (!(Math.abs(value) < TOO_LARGE)) throw new Refused("malformed");
    return JSON.stringify(value); // ECMAScript's own number text; -0 is written 0
  }
  if (Array.isArray(value)) return `[${value.map(jcs).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort(); // by UTF-16 code units
  if (names.some((name) => /[^\x00-\x7f]/.test(name))) throw new Refused("malformed");
  return `{${names.map((name) => `${JSON.stringify(name)}:${jcs(value[name])}`).join()}}`;
}

// JSON.parse keeps the last of two members with one name; this finds them.
function hasMemberTwice(text) {
  const open = [];
  let before = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (token[0] === '"' && open.at(-1) && (before === "{" || before === ",")) {
      const name = JSON.parse(token);
      if (open.at(-1).has(name)) return true;
      open.at(-1).add(name);
    }
    before = token;
  }
  return false;
}

// --- one record -----------------------------------------------------------------------------------------------------

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const sha256 = (text) => createHash("sha256").update(text).digest("base64url");
const kidOf = ({ crv, kty, x }) => sha256(jcs({ crv, kty, x }));

function parse(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = JSON.parse(text);
    if (hasMemberTwice(text)) throw new Error("twice");
    return value;
  } catch {
    throw new Refused("malformed");
  }
}

// The record's own bytes: cut at the last ,"sig":" and put the brace back.
function fromBytes(line) {
  const at = line.lastIndexOf(',"sig":"');
  if (at < 0 || !line.subarray(-2).equals(Buffer.from('"}'))) return null;
  const body = Buffer.concat([line.subarray(0, at), Buffer.from("}")]);
  try {
    const members = parse(body);
    if (!Buffer.from(jcs(members)).equals(body)) return null;
    return { body, members, sig: line.subarray(at + 8, -2).toString("latin1"), exact: true };
  } catch {
    return null;
  }
}

// A copy: remove "sig", write canonically again.
function fromCopy(line) {
  const { sig, ...members } = parse(line);
  if (sig === undefined && !["prev", "chain", "kind"].some((name) => name in members)) return null;
  if (typeof sig !== "string" || !sig.includes("..")) throw new Refused("malformed", members);
  return { body: Buffer.from(jcs(members)), members, sig };
}

function checkForm(members) {
  const text = (name) => typeof members[name] === "string" && members[name] !== "";
  const { v, seq, chain, prev, kind, ts, clk } = members;
  const first = seq === 1;
  const linked = first ? chain === "" && prev === "" && kind === "hello" : ID.test(chain) && ID.test(prev);
  const timed = ts === null || (typeof ts === "string" && TIME.test(ts) && !Number.isNaN(Date.parse(ts)));
  const clocked =
    clk !== null && typeof clk === "object" && /^[0-9a-f]{8}$/.test(clk.boot) &&
    typeof clk.up === "number" && clk.up >= 0 && ["sync", "hold", "unsync"].includes(clk.q);
  const formed = v === 1 && text("gw") && text("kind") && text("cfg") && Number.isInteger(seq) && seq >= 1;
  if (!(formed && linked && timed && clocked)) throw new Refused("malformed", members);
}

function read(line, way) {
  if (line.length === 0) return null;
  const start = line[0] === 0x7b ? 0 : line.indexOf(" {") + 1;
  if (start === 0 && line[0] !== 0x7b) throw new Refused("malformed");
  const json = line.subarray(start);
  const taken = (way === "bytes" && fromBytes(json)) || fromCopy(json);
  if (taken === null) return null;
  checkForm(taken.members);
  const [header, signature] = taken.sig.split("..");
  const message = `${header}.${base64url(taken.body)}`;
  const id = sha256(message);
  return { ...taken.members, header, signature, message, id, own: taken.members.chain || id, exact: taken.exact };
}

function checkSignature(record, jwk) {
  const kid = kidOf(jwk);
  const headers = ["EdDSA", "Ed25519"].map((alg) => base64url(jcs({ alg, kid, typ: "plantgate+json" })));
  if (!headers.includes(record.header)) throw new Refused("wrong-header", record);
  const signature = Buffer.from(record.signature, "base64url");
  const strict = signature.toString("base64url") === record.signature;
  const key = { key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: "jwk" };
  if (!strict || !verifySignature(null, Buffer.from(record.message), key, signature)) {
    throw new Refused("bad-signature", record);
  }
}

function headerKid(record) {
  let header;
  try {
    header = JSON.parse(Buffer.from(record.header, "base64url").toString());
  } catch {
    throw new Refused("wrong-header", record);
  }
  if (Object.keys(header).sort().join() !== "alg,kid,typ") throw new Refused("wrong-header", record);
  return header.kid;
}

// --- one chain ------------------------------------------------------------------------------------------------------

function judgeLinks(chain, found) {
  const { records, refused } = chain;
  const numbers = [...records.keys()].sort((a, b) => a - b);
  const idsOf = (seq) => (records.get(seq) ?? []).map((record) => record.id);
  const runs = chain.gaps.flatMap((gap) => gap.runs);
  const known = (seq) => {
    const ids = idsOf(seq);
    return ids.length ? ids : runs.filter(([, last, id]) => last === seq && id !== null).map(([, , id]) => id);
  };
  const wanted = (seq) => {
    if (seq === 1) return [""];
    const ids = known(seq - 1);
    const unused = runs.filter(([, last, id]) => last === seq - 1 && id === null);
    return ids.length ? ids : unused.flatMap(([first]) => known(first - 1));
  };
  for (const seq of numbers) {
    const ids = wanted(seq);
    if (ids.length && !ids.includes(records.get(seq)[0].prev)) found.add("broken-chain");
  }
  for (let at = 1; at < numbers.length; at += 1) {
    for (let seq = numbers[at - 1] + 1; seq < numbers[at]; seq += 1) {
      if (!refused.has(seq) && !runs.some(([a, b]) => a <= seq && seq <= b)) found.add("missing");
    }
  }
  for (const [, last, id] of runs) {
    if (id !== null && idsOf(last).length && !idsOf(last).includes(id)) found.add("broken-chain");
  }
}

function judgeClock(chain, found) {
  let boot, before, floor, latest;
  let highest = 0;
  const devices = new Map();
  const settled = new Set(); // devices that closed a period since the last step
  const forget = () => {
    floor = latest = before = undefined;
    for (const last of devices.values()) last.ts = null;
  };
  for (const seq of [...chain.records.keys()].sort((a, b) => a - b)) {
    const record = chain.records.get(seq)[0];
    const device = `${record.device} ${"period" in record}`;
    const up = record.clk.up * 1000;
    const ts = record.ts === null ? null : Date.parse(record.ts);
    if (record.clk.boot !== boot) {
      [boot, highest, before, floor] = [record.clk.boot, 0, undefined, latest];
    }
    if (record.kind === "clock" && record.why === "step") {
      forget();
      settled.clear();
    }
    const compared = ts !== null && !("period" in record);
    let back = false;
    if (record.kind === "readings") {
      const last = devices.get(device);
      if (last) {
        back ||= ts !== null && last.ts !== null && ts < last.ts;
        back ||= last.boot === boot && up < last.up;
      }
    } else back ||= highest - up > 600000;
    if (compared && before) {
      const lost = before.ts - before.up - (ts - up);
      back ||= lost > 1000 + 0.001 * Math.abs(up - before.up);
    }
    if (compared && floor !== undefined) back ||= ts < floor - 1000;
    if (back) {
      found.add("clock-back");
      forget();
      highest = 0;
    }
    highest = Math.max(highest, up);
    if (record.kind === "readings") {
      const unsettled = "period" in record && !settled.has(device);
      if (unsettled) settled.add(device);
      devices.set(device, { ts: unsettled ? null : (ts ?? devices.get(device)?.ts ?? null), up, boot });
    }
    if (compared) {
      before = { ts, up };
      latest = Math.max(ts, latest ?? ts);
    }
  }
}

// --- one file -------------------------------------------------------------------------------------------------------

function openVector(path) {
  const bytes = readFileSync(path);
  const end = bytes.indexOf("\n\n");
  const keys = new Map();
  for (const row of bytes.subarray(0, end).toString().split("\n")) {
    if (row.startsWith("key: ")) {
      const jwk = JSON.parse(row.slice(5));
      keys.set(kidOf(jwk), jwk);
    }
  }
  return { keys, lines: linesOf(bytes.subarray(end + 2)) };
}

function* linesOf(bytes) {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const line = bytes.subarray(at, end);
    yield line.at(-1) === 13 ? line.subarray(0, -1) : line;
    at = end + 1;
  }
}

function keyOf(record, keys, asserted) {
  const kid = headerKid(record);
  const key = keys.size ? keys.get(kid) : asserted.get(`${record.gw} ${record.own}`);
  if (!key) throw new Refused("unknown-key", record);
  return key;
}

function add(record, chain, found) {
  const same = chain.records.get(record.seq);
  if (same?.some((one) => one.id === record.id)) {
    chain.duplicates += 1;
    return;
  }
  if (same) {
    found.add("fork");
    same.push(record);
  } else chain.records.set(record.seq, [record]);
  if (record.kind !== "gap") return;
  const sound = Array.isArray(record.runs) && record.runs.every(
    ([a, b, id]) => Number.isInteger(a) && a >= 1 && a <= b && b < record.seq && (id === null || ID.test(id)),
  );
  if (sound) chain.gaps.push(record);
  else found.add("malformed");
}

function judge(path, way) {
  const { keys, lines } = openVector(path);
  const found = new Set();
  const claims = [];
  const asserted = new Map();
  const chains = new Map();
  const chainOf = (gw, own) => {
    const name = `${gw} ${own}`;
    if (!chains.has(name)) chains.set(name, { records: new Map(), gaps: [], refused: new Set(), duplicates: 0 });
    return chains.get(name);
  };
  const attempt = (work) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      found.add(error.verdict);
      const claim = error.claim ?? {};
      if (Number.isInteger(claim.seq)) chainOf(claim.gw, claim.own ?? claim.chain).refused.add(claim.seq);
    }
  };
  for (const line of lines) {
    attempt(() => {
      const record = read(line, way);
      if (record) claims.push(record);
      if (record?.seq === 1 && record.key) asserted.set(`${record.gw} ${record.own}`, record.key);
    });
  }
  for (const record of claims) {
    attempt(() => {
      checkSignature(record, keyOf(record, keys, asserted));
      add(record, chainOf(record.gw, record.own), found);
    });
  }
  let records = 0;
  let duplicates = 0;
  for (const chain of chains.values()) {
    judgeLinks(chain, found);
    judgeClock(chain, found);
    records += chain.records.size;
    duplicates += chain.duplicates;
  }
  return { verdicts: [...found].sort(), records, duplicates, exact: claims.filter((claim) => claim.exact).length };
}

function numbers(path) {
  return JSON.parse(readFileSync(path, "utf-8")).map(({ bits }) => {
    try {
      return jcs(Buffer.from(bits, "hex").readDoubleBE());
    } catch {
      return null;
    }
  });
}

const [way, ...paths] = process.argv.slice(2);
const told = way === "numbers" ? numbers(paths[0]) : Object.fromEntries(paths.map((path) => [path, judge(path, way)]));
console.log(JSON.stringify(told));
