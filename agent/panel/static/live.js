// Keeps a page moving: fills elements from GET /live, fetches lists anew when alarms change, sounds, and says at once
// when what is shown is not the present any more. Every page works without it, as of the moment it was loaded.
//
//   data-text="value:press-1.power"    gets the text            data-value="share:…"  gets the value (meter)
//   data-state="facility:fan-1"        gets data-is="run"
//   data-fragment="/alarms/active?part=1" data-on="alarms" data-version="12"    is fetched when the version changes
"use strict";
(() => {
  const QUIET_MS = 6000, AGAIN_MS = 5000, WATCH_MS = 1000;
  const root = document.documentElement;
  const banner = document.querySelector("[data-away]");
  const texts = new Map(), states = new Map();
  let words = {}, alarms = null, heard = performance.now(), stream = null;

  // --- what is shown ---

  function fill(within) {
    for (const one of within.querySelectorAll("[data-text]")) put(one, texts.get(one.dataset.text));
    for (const one of within.querySelectorAll("[data-state]")) {
      const state = states.get(one.dataset.state);
      if (state !== undefined && one.dataset.is !== state) one.dataset.is = state;
    }
    for (const one of within.querySelectorAll("[data-value]")) {
      const share = texts.get(one.dataset.value);
      if (share) one.value = Number(share); else if (share === "") one.value = 0;
    }
  }

  function put(one, text) {
    if (text !== undefined && one.textContent !== text) one.textContent = text;
  }

  function take(board) {
    for (const key of board.gone) { texts.delete(key); states.delete(key); }
    for (const [key, text] of Object.entries(board.text)) texts.set(key, text);
    for (const [key, state] of Object.entries(board.state)) states.set(key, state);
    if (board.alarms) { alarms = board.alarms; ring(); }
    present();
    fill(document);
    refresh();
  }

  // --- the present, or not ---

  function present() {
    heard = performance.now();
    if (!("stale" in root.dataset)) return;
    delete root.dataset.stale;
    if (banner) { banner.hidden = true; }
  }

  // A page that was loaded without the agent shows no values: its banner says so already.
  const hasValues = !banner || banner.hidden;
  function past() {
    root.dataset.stale = "";
    if (!banner) return;
    banner.hidden = false;
    if (!hasValues && !texts.size) return;
    let age = banner.querySelector(".since");
    if (!age) {
      age = Object.assign(document.createElement("span"), { className: "since" });
      age.ariaHidden = "true";                        // or it would be read out every second
      banner.replaceChildren(words.stale || "", " ", age);
    }
    const seconds = Math.round((performance.now() - heard) / 1000);
    age.textContent = (words.stale_age || "{n} s").replace("{n}", seconds);
  }

  setInterval(() => {
    if ("stale" in root.dataset || performance.now() - heard > QUIET_MS) past();
  }, WATCH_MS);

  // --- lists ---

  const fetching = new Set();
  function refresh() {
    for (const place of document.querySelectorAll('[data-fragment][data-on="alarms"]')) {
      if (alarms && place.dataset.version !== String(alarms.version) && !fetching.has(place)) renew(place, alarms.version);
    }
  }

  async function renew(place, version) {
    fetching.add(place);
    try {
      const answer = await fetch(place.dataset.fragment, { headers: { Accept: "text/html" } });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) return;
      const draft = kept(place), html = await answer.text();
      place.innerHTML = html;
      place.dataset.version = version;
      restore(place, draft);
      fill(place);
    } catch { /* the next board tries again */ } finally { fetching.delete(place); }
  }

  // What somebody is typing survives a new list: open forms, their fields, and where the cursor is.
  function kept(place) {
    return {
      open: [...place.querySelectorAll("details[open][id]")].map((one) => one.id),
      typed: [...place.querySelectorAll("input[id], select[id]")].map((one) => [one.id, one.value, one.checked]),
      focus: place.contains(document.activeElement) ? document.activeElement.id : "",
    };
  }

  function restore(place, draft) {
    const find = (id) => place.querySelector(`#${CSS.escape(id)}`);
    for (const id of draft.open) { const one = find(id); if (one) one.open = true; }
    for (const [id, value, checked] of draft.typed) { const one = find(id); if (one) { one.value = value; one.checked = checked; } }
    if (draft.focus) find(draft.focus)?.focus();
  }

  // --- sound: silence is not acknowledge ---

  const PATTERNS = {            // beeps of (Hz), and how often they come again, in seconds
    critical: { tones: [988, 784, 988, 784], every: 2 },
    high: { tones: [784, 784], every: 4 },
    medium: { tones: [659], every: 8 },
    low: { tones: [523], every: 0 },
  };
  const ORDER = Object.keys(PATTERNS);
  const name = (one) => one.join(" ");
  let sound = null, silenced = new Set(), before = new Set(), beeping = 0, bar = null;

  function ring() {
    const asking = new Set(alarms.asking.map(name));
    for (const one of silenced) if (!asking.has(one)) silenced.delete(one);
    const isNew = [...asking].some((one) => !before.has(one));
    if (isNew) silenced.clear();
    before = asking;
    clearTimeout(beeping);
    beep(true);
    offer();
  }

  function loudest() {
    const heardOf = alarms ? alarms.asking.filter((one) => !silenced.has(name(one))) : [];
    return ORDER.find((priority) => heardOf.some((one) => one[0] === priority));
  }

  function beep(isFirst) {
    const priority = loudest(), pattern = PATTERNS[priority];
    if (!pattern || !sound || sound.state !== "running" || "stale" in root.dataset) return;
    if (isFirst || pattern.every) pattern.tones.forEach((pitch, at) => tone(pitch, sound.currentTime + at * 0.22));
    if (pattern.every) beeping = setTimeout(() => beep(false), pattern.every * 1000);
  }

  function tone(pitch, at) {
    const voice = sound.createOscillator(), level = sound.createGain();
    voice.frequency.value = pitch;
    level.gain.setValueAtTime(0, at);
    level.gain.linearRampToValueAtTime(0.25, at + 0.01);
    level.gain.linearRampToValueAtTime(0, at + 0.18);
    voice.connect(level).connect(sound.destination);
    voice.start(at);
    voice.stop(at + 0.2);
  }

  async function listen() {      // browsers let a page sound only after a click
    sound ||= new AudioContext();
    await sound.resume();
    try { localStorage.setItem("sound", "on"); } catch { /* then it is asked for again */ }
    clearTimeout(beeping);
    beep(true);
    offer();
  }

  function hush() {
    silenced = new Set(before);
    clearTimeout(beeping);
    const headers = { "X-CSRF": document.querySelector('meta[name="csrf"]').content };
    fetch("/live/silence", { method: "POST", headers, body: new URLSearchParams() }).catch(() => {});
    offer();
  }

  function offer() {
    if (!bar) {
      bar = Object.assign(document.createElement("button"), { type: "button", className: "quiet sound" });
      const place = document.querySelector(".who");
      if (place) place.prepend(bar); else document.body.append(bar);
      bar.addEventListener("click", () => (sound?.state === "running" ? hush() : listen()));
    }
    const isOn = sound?.state === "running", isLoud = isOn && loudest() !== undefined;
    bar.hidden = isOn && !isLoud && !silenced.size;
    bar.disabled = isOn && !isLoud;
    bar.dataset.is = isLoud ? "loud" : isOn ? "silenced" : "off";
    put(bar, !isOn ? `♪ ${words.sound_on}` : isLoud ? `■ ${words.silence}` : `♪ ${words.silenced}`);
  }

  function wake() {              // a wall screen may be allowed to sound by itself
    let wanted = false;
    try { wanted = localStorage.getItem("sound") === "on"; } catch { /* never asked for */ }
    if (!wanted || sound || !navigator.userActivation?.hasBeenActive && !navigator.webdriver && !("kiosk" in root.dataset)) return;
    sound = new AudioContext();
    sound.addEventListener("statechange", () => { beep(true); offer(); });
  }

  // --- the stream ---

  function open() {
    stream = new EventSource("/live");
    stream.addEventListener("hello", (event) => { words = JSON.parse(event.data).words; wake(); offer(); });
    stream.addEventListener("board", (event) => take(JSON.parse(event.data)));
    stream.addEventListener("away", past);
    stream.addEventListener("error", () => {
      past();
      if (stream.readyState === EventSource.CLOSED) again();
    });
  }

  // A stream that was refused: the session may have ended, and then the page says so by going to the login.
  async function again() {
    try {
      if ((await fetch("/?part=alarms")).status === 401) return location.reload();
    } catch { /* the panel itself is away */ }
    setTimeout(open, AGAIN_MS);
  }

  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
})();
