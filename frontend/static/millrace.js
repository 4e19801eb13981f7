// What the pages cannot do without a script: counting seconds, appending to a live log, the tab's icon.
"use strict";

// Never while nobody looks. An unchanged page is answered with 304 and not drawn again.
let seen = {};
document.addEventListener("htmx:config:request", (event) => {
  const { request, sourceEvent } = event.detail.ctx;
  if (sourceEvent.type === "every" && document.hidden) event.preventDefault();
  if (seen[request.action]) request.headers["If-None-Match"] = seen[request.action];
});
document.addEventListener("htmx:before:response", (event) => {
  const { request, response } = event.detail.ctx;
  lost(false);
  const tag = response.headers.get("ETag");
  if (tag && response.status === 200) seen[request.action] = tag;
});
document.addEventListener("htmx:error", () => lost(true));

// What the reader opened stays open when the page is refreshed in place.
htmx.registerExtension("millrace", {
  htmx_before_morph_attr: (element, detail) => !(element.tagName === "DETAILS" && detail.attrName === "open"),
});

document.addEventListener("htmx:after:swap", () => {
  const fresh = document.querySelector("[data-announce]");
  if (!fresh) return;
  const announcer = document.getElementById("announcer");
  if (announcer && announcer.textContent !== fresh.dataset.announce) announcer.textContent = fresh.dataset.announce;
  const icon = document.querySelector("link[rel=icon]");
  if (icon.getAttribute("href") !== fresh.dataset.icon) icon.setAttribute("href", fresh.dataset.icon);
  const shown = document.querySelector("[data-latest]");
  if (shown && !("pinned" in shown.dataset) && shown.dataset.latest !== firstLatest) location.reload();
});
const firstLatest = document.querySelector("[data-latest]")?.dataset.latest;

function lost(is) {
  let note = document.querySelector(".lost");
  if (is && !note) {
    note = document.createElement("p");
    note.className = "lost";
    note.setAttribute("role", "status");
    note.textContent = "The server does not answer. Trying again…";
    document.body.append(note);
  } else if (!is && note) {
    note.remove();
  }
}

function words(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const pad = (number) => String(number).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}
const skew = Date.now() - Date.parse(document.querySelector("meta[name=now]")?.content ?? new Date().toISOString());
setInterval(() => {
  for (const cell of document.querySelectorAll("[data-since]")) {
    cell.textContent = words(Math.max(0, (Date.now() - skew - Date.parse(cell.dataset.since)) / 1000));
  }
}, 1000);

// A notice is said once: a reload does not say it again.
if (location.search.includes("did=")) {
  const address = new URL(location.href);
  address.searchParams.delete("did");
  history.replaceState(history.state, "", address);
}

// The live log: what is new is appended, nothing that is there is touched.
const log = document.getElementById("log");
const follow = document.getElementById("follow");
if (log && log.dataset.log) {
  follow.closest("label").hidden = false;
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  const keepUp = () => { if (follow.checked) log.scrollTop = log.scrollHeight; };
  log.addEventListener("scroll", () => { if (follow.checked && !atEnd()) follow.checked = false; });
  follow.addEventListener("change", keepUp);
  keepUp();
  let offset = Number(log.dataset.offset);
  const read = async () => {
    if (document.hidden) return 700;
    const answer = await fetch(`${log.dataset.log}&offset=${offset}`, { cache: "no-store" });
    if (!answer.ok) return 5000;
    const text = await answer.text();
    const next = Number(answer.headers.get("Log-Offset"));
    if (text) log.append(text);
    keepUp();
    if (answer.headers.get("Log-Complete")) {
      const end = document.getElementById("log-end");
      end.textContent = log.textContent.trim() ? "End of the log." : "It wrote nothing.";
      end.hidden = false;
      return 0;
    }
    const more = next - offset > 200000;
    offset = next;
    return more ? 0.1 : 700;
  };
  const again = (pause) => { if (pause) setTimeout(turn, pause); };
  const turn = () => read().then((pause) => { lost(false); again(pause); }, () => { lost(true); again(3000); });
  setTimeout(turn, 300);
}

// A fault's line number leads into the text itself.
const text = document.getElementById("submission");
for (const link of document.querySelectorAll("a[data-line]")) {
  link.addEventListener("click", (event) => {
    if (!text) return;
    event.preventDefault();
    const lines = text.value.split("\n");
    const number = Number(link.dataset.line) - 1;
    const start = lines.slice(0, number).join("\n").length + (number ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + lines[number].length);
    text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, number - 4);
  });
}
