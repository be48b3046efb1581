// Live parts of a page: a region with data-live is fetched again and again; clocks count by the server's time.
// A hidden region only waits to be led to another page. Without this module the page refreshes itself as a whole.
const seen = new WeakMap();
const last = new WeakMap();
const PAUSE = 2000;

function busy(region) {
  const at = document.activeElement;
  return region.contains(at) && at.matches("input, select, textarea");
}

function replace(region, text) {
  const open = new Set([...region.querySelectorAll("details[open][id]")].map((one) => one.id));
  const focus = region.contains(document.activeElement) ? document.activeElement.id : "";
  region.innerHTML = text;
  for (const one of region.querySelectorAll("details[id]")) if (open.has(one.id)) one.open = true;
  if (focus) document.getElementById(focus)?.focus();
}

async function refresh(region) {
  try {
    const answer = await fetch(region.dataset.live, { headers: { accept: "text/html" }, cache: "no-store" });
    if (answer.redirected) { location.assign(answer.url); return; }
    const text = await answer.text();
    if (answer.status >= 400 && answer.status < 500) { show(text); return; }
    const fresh = answer.ok && !region.hidden && text !== last.get(region) && !busy(region);
    if (fresh) { replace(region, text); last.set(region, text); tick(); }
  } catch { /* the next round asks again */ }
  setTimeout(() => refresh(region), PAUSE);
}

// A refusal is told once: the page that came is shown as it is.
function show(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  document.replaceChild(document.adoptNode(page.documentElement), document.documentElement);
}

function serverNow(element) {
  if (!seen.has(element)) seen.set(element, [Date.parse(element.dataset.now), performance.now()]);
  const [server, mark] = seen.get(element);
  return server + performance.now() - mark;
}

function tick() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, Math.ceil((Date.parse(element.dataset.until) - serverNow(element)) / 1000));
    const days = Math.floor(left / 86400);
    const parts = [Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60];
    element.textContent = (days ? `${days} 天 ` : "") + parts.map((n) => String(n).padStart(2, "0")).join(":");
  }
  for (const element of document.querySelectorAll("[data-clock]")) {
    const local = new Date(serverNow(element) + 8 * 3600 * 1000).toISOString();
    element.textContent = `${local.slice(0, 10)} ${local.slice(11, 19)}`;
  }
}

tick();
setInterval(tick, 1000);
for (const region of document.querySelectorAll("[data-live]")) setTimeout(() => refresh(region), PAUSE);
