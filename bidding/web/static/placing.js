// Seals on the picture of a page: drag them, or move them with the arrow keys; the numbers in the form follow, and the
// server draws the page anew. Without this module the same numbers are typed, and 预览 is a button.
const form = document.getElementById("placing");
const stage = document.getElementById("stage");
const STEP = 0.5;
const LONG_STEP = 5;
const PAUSE = 350;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let waiting = 0;
let asked = 0;
let bare = "";

function fields(handle) {
  const prefix = handle.dataset.fields;
  return ["x", "y"].map((name) => document.getElementById(`${prefix}-${name}`));
}

function sizeOf(handle) {
  const box = handle.querySelector("rect");
  return [Number(box.getAttribute("width")), Number(box.getAttribute("height"))];
}

// Millimetres on the page of a pointer on the screen.
function under(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(stage.getScreenCTM().inverse());
  return [point.x, point.y];
}

// Put the middle of a seal somewhere, all of it on the page.
function put(handle, wanted) {
  const size = sizeOf(handle);
  const page = [stage.viewBox.baseVal.width, stage.viewBox.baseVal.height];
  const middle = wanted.map((at, i) => Math.min(Math.max(at, size[i] / 2), Math.max(page[i] - size[i] / 2, size[i] / 2)));
  fields(handle).forEach((input, i) => { input.value = (Math.round(middle[i] * 100) / 100).toFixed(2); });
  draw(handle);
  changed();
}

function draw(handle) {
  const size = sizeOf(handle);
  const corner = fields(handle).map((input, i) => Number(input.value) - size[i] / 2);
  if (corner.every(Number.isFinite)) handle.setAttribute("transform", `translate(${corner[0].toFixed(3)} ${corner[1].toFixed(3)})`);
}

function changed() {
  const state = document.getElementById("state");
  state.textContent = "… 未保存";
  state.className = "tag warn";
  document.getElementById("shown").setAttribute("href", bare || form.dataset.bare);
  stage.classList.add("moving");
  asked += 1;
  clearTimeout(waiting);
  waiting = setTimeout(preview, PAUSE, asked);
}

function tell(text) {
  const region = document.getElementById("warnings");
  region.replaceChildren();
  if (!text) return;
  const line = document.createElement("p");
  line.className = "notice warn";
  line.textContent = text;
  region.append(line);
}

async function preview(number) {
  const answer = await fetch(form.dataset.picture, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (number !== asked) return;
  if (!answer) { tell("没有取得预览：网络不通。位置没有丢失，可以继续移动或保存。"); return; }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ title: "没有取得预览。" }));
    tell(`${problem.title}${/[一-鿿]/.test(problem.detail ?? "") ? `（${problem.detail}）` : ""}`);
    return;
  }
  const told = answer.headers.get("x-warnings");
  const picture = await read(answer);
  if (number !== asked) return;
  document.getElementById("shown").setAttribute("href", picture);
  stage.classList.remove("moving");
  tell(told ? `！${new TextDecoder().decode(Uint8Array.from(atob(told), (c) => c.charCodeAt(0)))}` : "");
}

// A picture as an address of its own: pages allow no other source.
async function read(answer) {
  const reader = new FileReader();
  const done = new Promise((resolve) => { reader.addEventListener("load", () => resolve(reader.result)); });
  reader.readAsDataURL(await answer.blob());
  return done;
}

// The page without seals is at hand before anything moves.
async function fetchBare() {
  const answer = await fetch(form.dataset.bare).catch(() => null);
  if (answer?.ok) bare = await read(answer);
}

function follow(handle) {
  let grip = null;
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const at = under(event);
    grip = fields(handle).map((input, i) => Number(input.value) - at[i]);
    handle.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => {
    if (grip) put(handle, under(event).map((at, i) => at + grip[i]));
  });
  for (const name of ["pointerup", "pointercancel"]) handle.addEventListener(name, () => { grip = null; });
  handle.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = event.shiftKey ? LONG_STEP : STEP;
    put(handle, fields(handle).map((input, i) => Number(input.value) + way[i] * step));
    event.preventDefault();
  });
  for (const input of fields(handle)) input.addEventListener("input", () => { draw(handle); changed(); });
}

if (form && stage) {
  stage.classList.add("live");
  for (const handle of stage.querySelectorAll(".handle")) follow(handle);
  fetchBare();
}
