// What the pages cannot do without a script: copying, revealing in place, undoing, the keyboard.
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
  if (text === null) return;
  output.textContent = text;
  output.classList.add("is-open");
  button.textContent = "Hide";
  form.coverTimer = setTimeout(() => cover(form), Number(button.dataset.seconds) * 1000);
}

/** Sends a form in ten seconds, unless somebody changes their mind or leaves the page. */
function undoable(form, button) {
  button.closest("details").open = false;
  const undo = document.createElement("button");
  undo.type = "button";
  undo.textContent = "Undo";
  let left = UNDO_SECONDS;
  const label = () => `${button.dataset.undo} in ${left} s`;
  const { box, words } = toast(label(), undo);
  const timer = setInterval(() => {
    left -= 1;
    words.textContent = label();
    if (left <= 0) {
      clearInterval(timer);
      form.submit();
    }
  }, 1000);
  undo.addEventListener("click", () => {
    clearInterval(timer);
    box.remove();
    say("Nothing was deleted");
  });
  undo.focus();
}

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button) return;
  if (button.dataset.reveal) {
    event.preventDefault();
    reveal(event.target, button);
  } else if (button.dataset.undo) {
    event.preventDefault();
    undoable(event.target, button);
  }
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
