// Files and folders dropped on the zone go into the form; it is sent with its progress, and leads to its answer.
const zone = document.getElementById("drop");
const form = document.getElementById("verify-form");
let chosen = [];

// Answer the files of one dropped entry, whatever is below it; names keep their folders.
async function walk(entry, prefix) {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    return [[file, prefix + file.name]];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const batch = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!batch.length) return found;
    for (const one of batch) found.push(...await walk(one, `${prefix}${entry.name}/`));
  }
}

async function dropped(transfer) {
  const entries = [...transfer.items].filter((one) => one.kind === "file").map((one) => one.webkitGetAsEntry?.());
  const files = [...transfer.files].map((file) => [file, file.name]);
  if (!entries.some((one) => one?.isDirectory)) return files;
  const found = [];
  for (const entry of entries) if (entry) found.push(...await walk(entry, ""));
  return found;
}

function show() {
  const list = document.getElementById("chosen");
  if (!list) return;
  list.replaceChildren(...chosen.slice(0, 50).map(([file, name]) => {
    const line = document.createElement("li");
    line.textContent = `${name}（${Math.max(1, Math.round(file.size / 1000))} KB）`;
    return line;
  }));
}

function take(files) {
  chosen = files.filter(([file]) => file.size >= 0);
  const input = zone.querySelector("input[type=file]");
  if (form) input.required = chosen.length === 0;
  show();
}

if (zone) {
  const input = zone.querySelector("input[type=file]");
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    if (!form) { input.files = event.dataTransfer.files; return; }
    dropped(event.dataTransfer).then(take);
  });
}

if (form) {
  const folder = document.getElementById("folder");
  if ("webkitdirectory" in folder) document.getElementById("folder-line").hidden = false;
  folder.addEventListener("change", () => take([...folder.files].map((one) => [one, one.webkitRelativePath || one.name])));
  document.getElementById("files").addEventListener("change", (event) => {
    take([...event.target.files].map((one) => [one, one.name]));
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  recheck();
}

function send() {
  const data = new FormData(form);
  data.delete("files");
  for (const [file, name] of chosen) data.append("files", file, name);
  const [button, said, bar] = ["verify", "sending", "sent"].map((id) => document.getElementById(id));
  const request = new XMLHttpRequest();
  request.open("POST", "/api/v1/verifications?wait=false");
  request.responseType = "json";
  button.disabled = true;
  bar.hidden = false;
  said.textContent = "上传中";
  request.upload.addEventListener("progress", (event) => {
    bar.value = event.lengthComputable ? (100 * event.loaded) / event.total : 0;
    if (event.loaded === event.total) said.textContent = "已上传，正在展开";
  });
  const failed = (text) => { button.disabled = false; bar.hidden = true; said.textContent = text; };
  request.addEventListener("error", () => failed("没有传完：网络中断。请重试。"));
  request.addEventListener("load", () => {
    if (request.status === 202) { location.assign(request.response.links.page); return; }
    const problem = request.response ?? {};
    failed(`${problem.title ?? "请求无法处理。"}${/[一-鿿]/.test(problem.detail ?? "") ? `（${problem.detail}）` : ""}（${problem.code ?? request.status}）`);
  });
  request.send(data);
}

// The QR code of a report leads here with what it says behind the number sign: R: report, F: file, J: answer (SM3).
function recheck() {
  const said = new URLSearchParams(location.search).get("r") ?? decodeURIComponent(location.hash.slice(1));
  if (!said) return;
  const names = { R: "报告编号", F: "文件 SM3", J: "答复 SM3" };
  const lines = said.split(/[\n;]/).map((one) => one.match(/^([RFJ]):([0-9A-Za-z._-]{1,80})$/)).filter(Boolean);
  const box = document.getElementById("recheck");
  box.textContent = `您扫描了一份核验报告的二维码。请上传报告所说的文件，重新核验后与报告比对。${lines.map((one) => `${names[one[1]]}：${one[2]}`).join("；")}`;
  box.hidden = false;
}
