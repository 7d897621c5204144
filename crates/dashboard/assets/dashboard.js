// What the pages cannot do without a script: copying, revealing in place, undoing, the
// keyboard, and showing what comes.
// Everything else works without it.

"use strict";

const UNDO_SECONDS = 10;

/** Says something in the corner; answers the element, to be removed. */
function toast(text, action) {
  const box = document.createElement("div");
  box.className = "toast";
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  if (action) box.append(action);
  document.getElementById("toasts").append(box);
  return { box, words };
}

/** Says something for a moment. */
function say(text) {
  const { box } = toast(text);
  setTimeout(() => box.remove(), 2500);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("The browser does not let this page copy");
  }
}

/** The value of a secret. The server records that it was read. */
async function read(form, url) {
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(url, { method: "POST", body, cache: "no-store", redirect: "error" });
  const text = await answer.text();
  if (!answer.ok) {
    say(text.startsWith("<") ? "Sign in again" : text);
    return null;
  }
  return text;
}

/** Covers a value again. */
function cover(form) {
  const output = form.querySelector("output");
  const button = form.querySelector("[data-reveal]");
  if (!output.classList.contains("is-open")) return;
  clearTimeout(form.coverTimer);
  output.classList.remove("is-open");
  const dots = document.createElement("span");
  dots.className = "dots";
  dots.setAttribute("aria-label", "covered");
  dots.textContent = "••••••••";
  output.replaceChildren(dots);
  button.textContent = "Reveal";
}

function coverAll() {
  document.querySelectorAll("form.covered").forEach(cover);
}

async function reveal(form, button) {
  const output = form.querySelector("output");
  if (output.classList.contains("is-open")) {
    cover(form);
    return;
  }
  const text = await read(form, button.dataset.reveal);
  // Nothing is shown in a window that somebody has put behind others meanwhile.
  if (text === null || document.hidden) return;
  output.textContent = text;
  output.classList.add("is-open");
  button.textContent = "Hide";
  form.coverTimer = setTimeout(() => cover(form), Number(button.dataset.seconds) * 1000);
}

/** The forms that are sent when their ten seconds are over. */
const waiting = new Set();

/** Sends a form whose time is over. While others wait, the page stays: it would end their time. */
async function sendLate(form, box) {
  waiting.delete(form);
  if (waiting.size === 0) {
    form.submit();
    return;
  }
  const body = new URLSearchParams(new FormData(form));
  const sent = fetch(form.action, { method: "POST", body, redirect: "manual" });
  const answer = await sent.catch(() => null);
  box.remove();
  if (answer?.type === "opaqueredirect") form.closest("tr")?.remove();
  else say("That did not work: load the page again");
}

/** Sends a form in ten seconds, unless somebody changes their mind or leaves the page. */
function undoable(form, button) {
  if (waiting.has(form)) return;
  waiting.add(form);
  button.closest("details").open = false;
  const undo = document.createElement("button");
  undo.type = "button";
  undo.textContent = "Undo";
  let left = UNDO_SECONDS;
  const label = () => `${button.dataset.undo} in ${left} s, if you stay on this page`;
  const { box, words } = toast(label(), undo);
  const timer = setInterval(() => {
    left -= 1;
    words.textContent = label();
    if (left <= 0) {
      clearInterval(timer);
      sendLate(form, box);
    }
  }, 1000);
  undo.addEventListener("click", () => {
    clearInterval(timer);
    waiting.delete(form);
    box.remove();
    say("Nothing was deleted");
  });
  undo.focus();
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter: button } = event;
  if (button?.dataset.reveal) {
    event.preventDefault();
    reveal(form, button);
  } else if (button?.dataset.undo) {
    event.preventDefault();
    undoable(form, button);
  } else if (form.method === "post") {
    // The answer to a second click would take the place of the first one's, which may show a key.
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "true";
  }
});

// A page that the browser has kept for the way back sends its forms again.
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
  });
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button && button.dataset.copy !== undefined) {
    copy(button.dataset.copy);
  } else if (button && button.dataset.value) {
    const text = await read(button.form, button.dataset.value);
    if (text !== null) copy(text);
  }
  document.querySelectorAll("details.guarded[open], details.person[open]").forEach((open) => {
    if (!open.contains(event.target)) open.open = false;
  });
});

/** Whether somebody is writing. */
function isWriting(target) {
  return target.closest && target.closest("input, textarea, select, [contenteditable]") !== null;
}

let wentAt = -Infinity;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    document.querySelectorAll("details.guarded[open], details.person[open]").forEach((open) => {
      open.open = false;
      open.querySelector("summary").focus();
    });
    if (event.target.id === "search") event.target.blur();
    return;
  }
  if (isWriting(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const goes = event.timeStamp - wentAt < 1500;
  wentAt = -Infinity;
  const search = document.getElementById("search");
  if (goes) {
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
  } else if (event.key === "g") {
    wentAt = event.timeStamp;
  } else if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "?") {
    const keys = document.getElementById("keys");
    if (keys) keys.showModal();
  }
});

// Neither a page that the browser keeps for the way back nor a window behind others shows a value.
window.addEventListener("pagehide", coverAll);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) coverAll();
});

document.querySelectorAll("[data-copy], [data-value]").forEach((button) => {
  button.hidden = false;
});

/** What a row says, but for how long ago that was. */
function said(row) {
  const copy = row.cloneNode(true);
  copy.querySelectorAll("time").forEach((time) => {
    time.textContent = time.dateTime;
  });
  copy.querySelectorAll("form").forEach((form) => form.remove());
  return copy.textContent;
}

/** Whether somebody does something in a part of the page that would be lost. */
function isInUse(part) {
  const chosen = document.getSelection();
  const isChosen = chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode);
  const isWritten = part.contains(document.activeElement) && isWriting(document.activeElement);
  return isChosen || isWritten || part.querySelector("details[open]") !== null;
}

/** How long ago something was, in the server's words. */
function ago(seconds) {
  const units = [[86400 * 365, "y"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const far = Math.abs(seconds);
  if (seconds >= 0 && far < 10) return "just now";
  const [unit, name] = units.find(([unit]) => far >= unit) || [1, "s"];
  const words = `${Math.floor(far / unit)} ${name}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

/** Puts what has come in place of what a part of the page shows. */
function replace(part, by) {
  const known = new Set([...part.querySelectorAll("tbody tr")].map(said));
  part.replaceChildren(...by.childNodes);
  part.dataset.newest = by.dataset.newest;
  part.querySelectorAll("tbody tr").forEach((row) => {
    if (known.size > 0 && !known.has(said(row))) row.classList.add("is-new");
  });
  part.querySelectorAll("[data-copy], [data-value]").forEach((button) => {
    button.hidden = false;
  });
}

/** Asks for the page again and again while somebody can see it. */
function follow(part) {
  const looked = document.getElementById("looked");
  const note = (text) => {
    if (looked) looked.textContent = text;
  };
  const headers = () => ({ "Coffer-Live": part.dataset.newest || "" });
  const look = async () => {
    const answer = await fetch(location.href, { headers: headers(), cache: "no-store" });
    if (answer.status === 200) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const by = page.getElementById("live");
      if (!by || by.dataset.live === undefined) return false;
      if (!isInUse(part)) replace(part, by);
    } else if (answer.status !== 204) {
      return answer.status >= 500 || answer.status === 429;
    }
    const now = Date.now();
    part.querySelectorAll("time").forEach((time) => {
      time.textContent = ago(Math.floor((now - Date.parse(time.dateTime)) / 1000));
    });
    note(`Following, looked at ${new Date(now).toLocaleTimeString()}`);
    return true;
  };
  const again = async () => {
    let goesOn = true;
    if (!document.hidden && !isInUse(part)) {
      try {
        goesOn = await look();
      } catch {
        note("Following, but the server does not answer");
      }
    }
    if (goesOn) setTimeout(again, Number(part.dataset.live) * 1000);
    else note("Not following any more: load the page again");
  };
  setTimeout(again, Number(part.dataset.live) * 1000);
}

const live = document.getElementById("live");
if (live && live.dataset.live !== undefined) follow(live);
