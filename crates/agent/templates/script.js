// What makes the pages live: it follows the events of the API, and asks for the page again when something changed. The server
// renders and escapes; words that come by the API are set as text, never as HTML.
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const say = (selector, words) => { const element = one(selector); if (element) element.textContent = words; };
  const page = one("[data-name]");
  const name = page && page.dataset.name;
  const isLive = name || one('[data-part="services"]');

  for (const element of all("[data-script]")) element.hidden = false;

  const isScrolledDown = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 40;

  // --- What is filtered, again whenever something new is there.
  const input = one("[data-filter]");
  const isWanted = (element) => {
    const words = input ? input.value.trim().toLowerCase() : "";
    return !words || element.textContent.toLowerCase().includes(words);
  };
  const filter = () => { if (input) for (const element of all(input.dataset.filter)) element.hidden = !isWanted(element); };
  if (input) {
    input.addEventListener("input", () => {
      const box = one(".log");
      const isAtEnd = box && isScrolledDown(box);
      filter();
      if (isAtEnd) box.scrollTop = box.scrollHeight;
    });
  }
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea, select");
    if (event.key === "/" && input && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    }
  });
  if (!isLive) return;

  // --- The page again, where something changed: its parts are replaced by those that the server renders now.
  const signIn = () => location.assign("/login");
  let asking = false;
  let again = false;
  const refresh = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      if (answer.redirected) { signIn(); return; }
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The agent is away; the events tell when it is back.
    } finally {
      asking = false;
    }
    if (again) { again = false; later(); }
  };
  const show = (fresh) => {
    document.title = fresh.title;
    for (const old of all("[data-part]")) {
      const part = fresh.querySelector(`[data-part="${old.dataset.part}"]`);
      if (!part || part.isEqualNode(old)) continue;
      const held = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
      const next = document.importNode(part, true);
      old.replaceWith(next);
      // Whoever goes by keyboard stays where they were.
      const same = held && all("a", next).find((link) => link.getAttribute("href") === held);
      if (same) same.focus();
    }
    if (!name) filter();
  };
  let due = 0;
  const later = () => { if (!due) due = setTimeout(() => { due = 0; refresh(); }, 300); };

  // --- Services as they change.
  const states = new Map();
  const word = (service) => {
    if (service.state !== "running") return service.state;
    if (!service.healthy) return "unhealthy";
    return service.ready ? "running" : "running, not ready";
  };
  const changed = (service) => {
    if (name && service.name !== name) return;
    const now = word(service);
    const before = states.get(service.name);
    states.set(service.name, now);
    if (before && before !== now) say("#announcement", `${service.name} is ${now}. ${plain(service.why || "")}`);
    later();
  };
  const followServices = () => {
    const source = new EventSource("/v1/services");
    source.addEventListener("open", () => say("[data-connection]", "live"));
    source.addEventListener("service", (event) => changed(JSON.parse(event.data)));
    source.addEventListener("gone", (event) => { states.delete(JSON.parse(event.data).name); later(); });
    source.addEventListener("error", () => {
      const isOver = source.readyState === EventSource.CLOSED;
      say("[data-connection]", isOver ? "not live: load the page again" : "not live: trying again…");
      // The token may have ended; the page says so.
      if (isOver) later();
    });
    return source;
  };

  // --- The log as it comes.
  const MOST = 2000;
  const box = one(".log");
  const lines = one("#lines");
  const pause = one("[data-pause]");
  let waiting = [];
  // What is shown is told again: it goes when the new lines come.
  let isOld = false;
  let drawing = 0;
  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  const plain = (text) => text
    .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|[ -/]*[0-~])/g, "")
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, " ");
  const two = (number) => String(number).padStart(2, "0");
  const clock = (time) => {
    const moment = new Date(time);
    const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
    return `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  };
  const part = (kind, words, className) => {
    const element = document.createElement(kind);
    if (className) element.className = className;
    element.textContent = words;
    return element;
  };
  const item = (line) => {
    const element = document.createElement("li");
    if (line.level) element.className = `level-${line.level}`;
    const time = part("time", line.time ? clock(line.time) : "");
    if (line.time) time.dateTime = line.time;
    const level = part("span", line.level || (line.stream === "stderr" ? "stderr" : ""), "level");
    element.append(time, " ", level, " ", part("span", plain(line.text), "text"));
    element.hidden = !isWanted(element);
    return element;
  };
  const draw = () => {
    drawing = 0;
    if (isPaused()) return;
    const isAtEnd = isScrolledDown(box);
    if (isOld) lines.replaceChildren();
    isOld = false;
    lines.append(...waiting.map(item));
    waiting = [];
    while (lines.childElementCount > MOST) lines.firstElementChild.remove();
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  };
  const told = (line) => {
    waiting.push(line);
    if (waiting.length > MOST) waiting.shift();
    if (isPaused()) pause.textContent = `Go on (${waiting.length})`;
    else if (!drawing) drawing = requestAnimationFrame(draw);
  };
  const followLog = () => {
    const source = new EventSource(`/v1/services/${name}/logs?lines=${lines.dataset.lines}`);
    // It begins with the newest lines, also where it begins again.
    source.addEventListener("open", () => {
      waiting = [];
      isOld = true;
    });
    source.addEventListener("line", (event) => told(JSON.parse(event.data)));
    source.addEventListener("problem", (event) => {
      const problem = one("#log-problem");
      problem.textContent = plain(JSON.parse(event.data).error);
      problem.hidden = false;
    });
    return source;
  };
  if (name) {
    box.scrollTop = box.scrollHeight;
    pause.addEventListener("click", () => {
      const paused = !isPaused();
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? "Go on (0)" : "Pause";
      if (!paused) draw();
    });
  }

  // --- Orders.
  const tell = (words, isBad) => {
    const outcome = one("#outcome");
    outcome.textContent = words;
    outcome.classList.toggle("bad", isBad);
  };
  const order = async (button) => {
    const label = button.textContent;
    if ("ends" in button.dataset && !confirm(`${label} ${name}?`)) return;
    const buttons = all("[data-order]");
    for (const each of buttons) each.disabled = true;
    tell(`${label}: under way…`, false);
    try {
      const body = "on" in button.dataset ? JSON.stringify({ on: button.dataset.on === "true" }) : "";
      const answer = await fetch(`/v1/services/${name}/${button.dataset.order}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
      if (answer.status === 401) { signIn(); return; }
      const said = await answer.json();
      const words = answer.ok ? said.text : [said.error, said.hint].filter(Boolean).join(" – ");
      tell(plain(words), !answer.ok);
    } catch (error) {
      tell(`The agent does not answer (${error.message})`, true);
    } finally {
      for (const each of buttons) each.disabled = false;
      button.focus();
    }
    later();
  };
  for (const button of all("[data-order]")) button.addEventListener("click", () => order(button));

  // --- A page that nobody sees holds no connection: a browser has few for each host.
  let sources = [];
  const follow = () => {
    for (const source of sources) source.close();
    sources = document.hidden ? [] : [followServices(), ...(name ? [followLog()] : [])];
  };
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", () => { for (const source of sources) source.close(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
  follow();
})();
