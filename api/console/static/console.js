// Everything works as plain pages; this makes some of it happen in place. The one way in for markup:
const policy = globalThis.trustedTypes?.createPolicy("custodiary", { createHTML: (text) => text }) ?? { createHTML: (text) => text };
const $ = (selector, within = document) => within.querySelector(selector);
const BUSY_AFTER = 200; // milliseconds

document.documentElement.dataset.script = "";

function announce(text) {
  const status = $("#status");
  if (status) status.textContent = text;
}

// One at a time, and of those that wait meanwhile only the newest: a drag neither floods nor starves.
export function newest(act) {
  let running = false;
  let next = null;
  return async (...args) => {
    next = args;
    if (running) return;
    running = true;
    try {
      while (next) {
        const mine = next;
        next = null;
        await act(...mine);
      }
    } finally {
      running = false;
    }
  };
}

// Takes parts of this page, by their ids, from the page at another address. A page without them is gone to: it is the
// sign-in, or a refusal.
export async function swap(url, ids) {
  const parts = ids.map((id) => document.getElementById(id)).filter(Boolean);
  const busy = setTimeout(() => parts.forEach((part) => part.setAttribute("aria-busy", "true")), BUSY_AFTER);
  try {
    const answer = await fetch(url);
    const text = await answer.text();
    const fresh = new DOMParser().parseFromString(policy.createHTML(text), "text/html");
    if (answer.redirected || !ids.some((id) => fresh.getElementById(id))) return location.assign(url);
    for (const part of parts) {
      const now = fresh.getElementById(part.id);
      if (now) replace(part, document.adoptNode(now));
    }
  } catch {
    announce("The service can't be reached. Nothing has changed.");
  } finally {
    clearTimeout(busy);
    parts.forEach((part) => part.removeAttribute("aria-busy"));
  }
}

function replace(part, now) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceWith(now);
  prepare(now);
  if (!focused) return;
  const same = focused.rel ? `[rel="${focused.rel}"]` : `a[href="${CSS.escape(focused.getAttribute("href") ?? "")}"]`;
  (document.getElementById(focused.id) ?? $(same, now))?.focus();
}

// Times come in UTC, and are shown where the reader is; the title says UTC.
const LOCAL = {
  day: { day: "numeric", month: "short", year: "numeric" },
  clock: { hour: "2-digit", minute: "2-digit" },
  both: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
};

function local(time, form) {
  return new Date(time.dateTime).toLocaleString("en-GB", LOCAL[form]).replace("Sept", "Sep"); // as the server writes it
}

// A day begins where the reader is, too: an event of 23:30 UTC may be tomorrow's.
function regroup(list) {
  const heads = [...list.querySelectorAll(":scope > .date")];
  const pattern = heads[0]?.cloneNode(true);
  if (!pattern) return;
  heads.forEach((head) => head.remove());
  let last = null;
  for (const item of [...list.children]) {
    const day = local($("time", item), "day");
    if (day === last) continue;
    last = pattern.firstElementChild.textContent = day;
    item.before(pattern.cloneNode(true));
  }
}

function prepare(part) {
  part.querySelectorAll("ol.timeline").forEach(regroup);
  for (const time of part.querySelectorAll("time[data-local]")) time.textContent = local(time, time.dataset.local);
  for (const followed of [part, ...part.querySelectorAll("[data-follow]")]) {
    if (followed.dataset?.follow) follow(followed);
  }
}

// Forms whose answer takes the place of parts of this page while one types or chooses.
const live = newest(async (form) => {
  const url = `${form.action}?${new URLSearchParams(new FormData(form))}`;
  await swap(url, form.dataset.live.split(" "));
  if (!form.closest("dialog")) history.replaceState(null, "", url);
  announce($("#count")?.textContent ?? "");
});
let pause;
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-live]")) {
    clearTimeout(pause);
    pause = setTimeout(() => live(form), 90);
  }
  // What can't be undone is typed first. The server looks, too.
  if (form?.matches("[data-typed]")) {
    $("button:not([type=button])", form).disabled = form.elements.typed.value.trim() !== form.dataset.typed;
  }
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-live]")) return;
  event.preventDefault();
  live(event.target);
});
for (const form of document.querySelectorAll("form[data-typed]")) $("button:not([type=button])", form).disabled = true;

// Dialogs, and what is copied.
document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.open)?.showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  const copier = event.target.closest("[data-copy]");
  if (copier) {
    await navigator.clipboard.writeText(copier.dataset.copy);
    announce("Copied.");
  }
});

// What goes on is followed, and its part of the page fetched anew; not while nobody looks, for a browser has few
// connections.
const streams = new Map();

function follow(part) {
  const show = newest(() => swap(location.href, [part.id]));
  const open = () => {
    const source = new EventSource(part.dataset.follow);
    streams.set(part.id, { source, open });
    source.addEventListener("progress", show);
    source.addEventListener("end", () => {
      close(part.id);
      show();
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) announce("This is not live any more: reload the page.");
    });
  };
  if (!streams.has(part.id)) open();
}

function close(id) {
  streams.get(id)?.source.close();
  streams.delete(id);
}

document.addEventListener("visibilitychange", () => {
  for (const { source, open } of streams.values()) {
    if (document.hidden) source.close();
    else open();
  }
});

// Time: the slider's stops are positions of the customer's own events, and the page follows. Null is now.
const time = $("form[data-scrub]");
if (time) {
  const stops = JSON.parse(time.dataset.stops);
  const slider = $("input[type=range]", time);
  const parts = time.dataset.scrub.split(" ");
  const last = stops.length - 1;
  let at = Number($("#clock").dataset.position) || null;
  const stopOf = (position) => (position === null ? last : Math.max(0, stops.findLastIndex((each) => each <= position)));
  const positionOf = (stop) => (stop === last ? null : stops[stop]);
  const address = (position) => {
    // A form that was refused is shown at its own address.
    const isHere = location.href.split("?")[0] === time.action;
    const url = new URL(isHere ? location.href : `${time.action}?${new URLSearchParams(new FormData(time))}`);
    for (const name of ["as_of", "before", "mended"]) url.searchParams.delete(name);
    if (position !== null) url.searchParams.set("as_of", position);
    return url.pathname + url.search;
  };
  const show = newest(async (position) => {
    await swap(address(position), parts);
    slider.setAttribute("aria-valuetext", $("#clock .at").textContent.trim());
  });
  const settle = () => history.replaceState(null, "", address(at));
  const go = (position) => {
    at = position;
    slider.value = stopOf(position);
    $("#until").setAttribute("width", (1000 * stopOf(position)) / (last || 1));
    show(position);
  };
  const jump = (position) => {
    go(position);
    settle();
  };
  // Where some events are no stops, the page knows the next one.
  time.step = (by) => {
    const stop = stopOf(at) + by;
    if (!("whole" in time.dataset)) return $(`#clock a[rel=${by > 0 ? "next" : "prev"}][href]`)?.click();
    if (stop >= 0 && stop <= last) jump(positionOf(stop));
  };
  time.now = () => jump(null);
  slider.addEventListener("input", () => go(positionOf(+slider.value)));
  slider.addEventListener("change", settle);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-as-of]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (link.rel && event.isTrusted && "whole" in time.dataset) return time.step(link.rel === "next" ? 1 : -1);
    const position = Number(link.dataset.asOf) || null;
    jump(position === stops[last] ? null : position);
  });
}

// Keys. They can be switched off: who speaks to the computer would press them by accident.
const OFF = "custodiary-keys-off";
const toggle = $("#keys-on");
if (toggle) {
  toggle.checked = !localStorage.getItem(OFF);
  toggle.addEventListener("change", () => (toggle.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
}

function find() {
  const box = $("main form[data-live] input[type=search]") ?? $("#find");
  if (!box) return;
  if (!box.checkVisibility()) $("#menu")?.showPopover?.();
  box.focus();
  box.select();
}

function openFinder() {
  const finder = $("#finder");
  if (!finder) return find();
  if (!finder.open) finder.showModal();
  $("input", finder).select();
}

// What is found is walked through by arrows, and Enter opens the first, if it is of what was typed.
document.addEventListener("keydown", (event) => {
  const hits = [...document.querySelectorAll("#found a.hit")];
  const from = hits.indexOf(document.activeElement);
  const box = event.target.closest?.('[data-live="found"] input');
  if (!hits.length || (!box && from < 0)) return;
  if (event.key === "Enter" && box && $("#found").dataset.of === box.value.trim()) hits[0].click();
  else if (event.key === "ArrowDown") hits[Math.min(hits.length - 1, from + 1)].focus();
  else if (event.key === "ArrowUp") (hits[from - 1] ?? $('[data-live="found"] input')).focus();
  else return;
  event.preventDefault();
});

function row(by) {
  const links = [...document.querySelectorAll("main .rows tbody a.cover")];
  links[Math.min(links.length - 1, Math.max(0, links.indexOf(document.activeElement) + by))]?.focus();
}

let going = false;
const KEYS = {
  "/": find,
  g: () => {
    going = true;
    setTimeout(() => (going = false), 1200);
  },
  ",": () => time?.step(-1),
  ".": () => time?.step(1),
  n: () => time?.now(),
  j: () => row(1),
  k: () => row(-1),
  "?": () => $("#keys")?.showModal(),
};
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    return openFinder();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !toggle?.checked) return;
  if ($("dialog[open]") || event.target.matches("input:not([type=range], [type=checkbox], [type=radio]), select, textarea")) return;
  const wanted = going ? $(`[data-goto="${CSS.escape(event.key)}"]`) : $(`[data-hotkey="${CSS.escape(event.key)}"]`);
  going = false;
  if (!wanted && !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  if (wanted) wanted.click();
  else KEYS[event.key]();
});

// What may be asked for again is.
const retry = $("[data-retry]");
if (retry) {
  let left = +retry.dataset.retry;
  setInterval(() => {
    left -= 1;
    if (left > 0) retry.textContent = `It is asked for again in ${left} s.`;
    else location.reload();
  }, 1000);
}

prepare(document);
