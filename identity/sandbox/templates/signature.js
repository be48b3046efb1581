// Takes a signature down as points [x, y, ms]; the server draws the ink. Without scripts the name can still be used.
"use strict";
const pad = document.getElementById("pad");
if (pad) {
  const most = 4500;
  const pen = pad.getContext("2d");
  let strokes = [];
  let count = 0;
  let start = null;
  let drawing = false;
  const point = (event) => {
    const box = pad.getBoundingClientRect();
    if (start === null) start = event.timeStamp;
    return [
      Math.round(((event.clientX - box.left) / box.width) * pad.width),
      Math.round(((event.clientY - box.top) / box.height) * pad.height),
      Math.max(0, Math.round(event.timeStamp - start)),
    ];
  };
  const extend = (event) => {
    if (!drawing || count >= most) return;
    const line = strokes[strokes.length - 1];
    const [x, y, t] = point(event);
    const [ox, oy] = line[line.length - 1];
    if (x === ox && y === oy) return;
    line.push([x, y, t]);
    count += 1;
    pen.beginPath();
    pen.moveTo(ox, oy);
    pen.lineTo(x, y);
    pen.stroke();
  };
  pen.lineWidth = 7;
  pen.lineCap = "round";
  pen.strokeStyle = "#14141a";
  pad.addEventListener("pointerdown", (event) => {
    if (count >= most || strokes.length >= 200) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    drawing = true;
    strokes.push([point(event)]);
    count += 1;
  });
  pad.addEventListener("pointermove", (event) => {
    const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    (all.length ? all : [event]).forEach(extend);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    pad.addEventListener(name, () => { drawing = false; });
  }
  document.getElementById("clear").addEventListener("click", () => {
    strokes = [];
    count = 0;
    start = null;
    pen.clearRect(0, 0, pad.width, pad.height);
  });
  document.getElementById("signature").addEventListener("submit", () => {
    document.getElementById("strokes").value = JSON.stringify(strokes);
  });
}
